# The relay on workerd: one socket, one Worker, one way out. GATEWAY (environment) is the gateway's root URL.
using Workerd = import "/workerd/workerd.capnp";

const config :Workerd.Config = (
  services = [
    (name = "relay", worker = .relay),
    # The gateway may stand on loopback (the demo) or on the public network; nothing else is fetched.
    (name = "internet", network = (allow = ["public", "private"], tlsOptions = (trustBrowserCas = true))),
  ],
  sockets = [(name = "http", address = "127.0.0.1:8081", http = (), service = "relay")],
);

const relay :Workerd.Worker = (
  compatibilityDate = "2026-01-01",
  modules = [
    (name = "shim.js", esModule = embed "shim.js"),
    (name = "relay.js", esModule = embed "relay.js"),
    # JavaScript inside the crate `worker`; the number changes with its version.
    (name = "snippets/worker-64cc4b2d035528c7/inline0.js",
     esModule = embed "snippets/worker-64cc4b2d035528c7/inline0.js"),
    (name = "relay_bg.wasm", wasm = embed "relay_bg.wasm"),
  ],
  bindings = [(name = "GATEWAY", fromEnvironment = "GATEWAY")],
);
