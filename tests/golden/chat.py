#!/usr/bin/env python3
"""Makes `chat.json`: conversations in real chat templates, as Jinja2 renders them.

    pip install jinja2
    python tests/golden/chat.py

Set up as Hugging Face's `apply_chat_template` does, without a clock. The templates lie in
`crates/local-model/src/chat/templates`. They come from the models' own repositories: smollm2 from
HuggingFaceTB/SmolLM2-135M-Instruct, qwen2.5 from Qwen/Qwen2.5-Coder-0.5B-Instruct, qwen3 from
Qwen/Qwen3-0.6B, gemma-3 from google/gemma-3-1b-it, llama-3.2 from meta-llama/Llama-3.2-1B-Instruct,
phi-3 from microsoft/Phi-3-mini-4k-instruct.
"""

import json
import pathlib

from jinja2.exceptions import TemplateError
from jinja2.sandbox import ImmutableSandboxedEnvironment

HERE = pathlib.Path(__file__).parent
TEMPLATES = HERE.parent.parent / "crates/local-model/src/chat/templates"

CONVERSATIONS = [
    [("user", "Hello")],
    [("system", "Be brief."), ("user", " What is 1 + 1?\n")],
    [("user", "Hi"), ("assistant", "Hello!"), ("user", "Count: <1> & \"2\" 'three'")],
    [("system", "Überall „Zitate“ 🙂"), ("user", "a\n\nb"), ("assistant", "<think>\nhm\n</think>\n\nyes"), ("user", "{{ 1 }} {% x %}")],
    [("user", "one"), ("user", "two")],
]


def refuse(reason: str):
    raise TemplateError(reason)


def main() -> None:
    environment = ImmutableSandboxedEnvironment(trim_blocks=True, lstrip_blocks=True, extensions=["jinja2.ext.loopcontrols"])
    environment.globals["raise_exception"] = refuse
    cases = []
    for path in sorted(TEMPLATES.glob("*.jinja")):
        template = environment.from_string(path.read_text())
        for messages in CONVERSATIONS:
            as_objects = [{"role": role, "content": content} for role, content in messages]
            try:
                rendered = template.render(messages=as_objects, add_generation_prompt=True, bos_token="<s>", eos_token="</s>")
            except TemplateError:
                rendered = None
            cases.append({"template": path.stem, "messages": messages, "rendered": rendered})
    (HERE / "chat.json").write_text("[\n" + ",\n".join(json.dumps(case) for case in cases) + "\n]\n")
    print(len(cases), "cases,", sum(case["rendered"] is None for case in cases), "refused")


if __name__ == "__main__":
    main()
