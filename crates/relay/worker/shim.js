// Joins the Worker's two halves: the module that cargo built and the bindings around it.
//
//   cargo rustc -p relay --lib --crate-type cdylib --no-default-features --features worker \
//     --profile wasm --target wasm32-unknown-unknown
//   bindings for target "web", named relay  ->  relay.js, relay_bg.wasm, snippets/
//   put all three beside this file and relay.capnp, then: GATEWAY=http://127.0.0.1:8082 workerd serve relay.capnp
//
// Another port: workerd serve relay.capnp --socket-addr http=127.0.0.1:9000
import { fetch, initSync } from './relay.js';
import module from './relay_bg.wasm';

initSync({ module });

export default { fetch };
