#!/usr/bin/env python3
"""Makes `chat.json`: conversations in real chat templates, as Hugging Face's `transformers` renders them.

    pip install transformers jinja2
    python tests/golden/chat.py

The templates lie in `crates/local-model/src/chat/templates`, whose README says where they come from; to take
them anew from there:

    npm pack @huggingface/ollama-utils@0.0.18
    python tests/golden/chat.py huggingface-ollama-utils-0.0.18.tgz
"""

import ast
import datetime
import json
import pathlib
import random
import re
import sys
import tarfile

from jinja2.exceptions import TemplateError
from transformers.utils import chat_template_utils

HERE = pathlib.Path(__file__).parent
TEMPLATES = HERE.parent.parent / "crates/local-model/src/chat/templates"

# Our name, the package's name, and what the model's file says begins and ends a text.
MODELS = [
    ("deepseek-r1-qwen3", "deepseek-r1:8b", "<｜begin▁of▁sentence｜>", "<｜end▁of▁sentence｜>"),
    ("gemma-3", "gemma3:270m", "<bos>", "<eos>"),
    ("llama-3.2", "llama3.2:3b", "<|begin_of_text|>", "<|eot_id|>"),
    ("phi-3", "phi3:3.8b", "<s>", "<|endoftext|>"),
    ("phi-3.5", "phi3.5:3.8b", "<s>", "<|endoftext|>"),
    ("qwen2.5", "qwen2.5-coder:1.5b", "<|endoftext|>", "<|im_end|>"),
    ("qwen3", "qwen3:0.6b", "<|endoftext|>", "<|im_end|>"),
    ("smollm2", "smollm2:135m", "<|im_start|>", "<|im_end|>"),
    ("tinyllama", "tinyllama:1.1b", "<s>", "</s>"),
]

# Templates of our own for what transformers adds to Jinja2: tags that mark an answer, the clock, and JSON as Python writes it.
OWN = {
    "generation": "{% for m in messages %}\n  {%- generation -%}\n    {% set x = m.content %} {{ x }} {%+ endgeneration %}\n{{ x is defined }}\n{% generation %}\n{{ m.role }}\n{% endgeneration %}\n{% endfor %}",
    "iterable": "{{ tools is iterable }} {{ tools is none }} {{ missing is iterable }} {{ documents is none }} {% for m in messages %}{{ m.content is iterable }}{{ loop.index is iterable }}{% endfor %}",
    "json": "{% for m in messages %}{% for c in m.tool_calls or [] %}{{ c.function.arguments | tojson }}\n{{ c.function.arguments | tojson(indent=2) }}\n{{ c.function.arguments | tojson(ensure_ascii=False, sort_keys=True) }}\n{{ m | tojson(ensure_ascii=True, separators=(',', ':')) }}\n{% endfor %}{% endfor %}",
    "loops": "{% for m in messages %}{% if loop.first %}{% continue %}{% endif %}{{ m.content }}{% if loop.index > 2 %}{% break %}{% endif %}{% endfor %}",
    "clock": "{{ strftime_now('%Y-%m-%d %H:%M:%S %j %p') }}",
}

FUNCTIONS = [
    {"name": "weather", "description": "Tells the weather of a \"place\" in °C & more <b>.", "parameters": {"type": "object", "properties": {"place": {"type": "string", "description": "Where?"}, "days": {"type": "integer", "minimum": 1, "maximum": 7}, "step": {"type": "number", "default": 0.5}}, "required": ["place"]}},
    {"name": "now", "description": "The time", "parameters": {"type": "object", "properties": {}}},
]
TOOLS = [{"type": "function", "function": function} for function in FUNCTIONS]
NUMBERS = [0, -1, 2.5, 1.0, -0.0, 1e-5, 0.0001, 1.5e-7, 123456789.125, 1e15, 1e16, 1.2345678901234568e17, -1e100, 5e-324, 18446744073709551615, -9223372036854775808]


def says(role: str, content: str, calls: list[tuple[str, dict]] | None = None) -> dict:
    message = {"role": role, "content": content}
    if calls:
        message["tool_calls"] = [{"id": f"call_{number}", "type": "function", "function": {"name": name, "arguments": arguments}} for number, (name, arguments) in enumerate(calls)]
    return message


def user(content: str) -> dict:
    return says("user", content)


def system(content: str) -> dict:
    return says("system", content)


def assistant(content: str, *calls: tuple[str, dict]) -> dict:
    return says("assistant", content, list(calls))


def tool(content: str) -> dict:
    return {**says("tool", content), "tool_call_id": "call_0"}


CONVERSATIONS = [
    ([], None),
    ([user("Hello")], None),
    ([system("Be brief."), user(" What is 1 + 1?\n")], None),
    ([user("Hi"), assistant("Hello!"), user("Count: <1> & \"2\" 'three'")], None),
    ([user("Hi"), assistant("\n\n Hello!  \n")], None),
    ([system("  Überall „Zitate“ 🙂 \n"), user("a\n\nb"), assistant("<think>\nhm\n</think>\n\nyes"), user("{{ 1 }} {% x %} {# y #}")], None),
    ([user("a"), assistant("</think>\n\nb"), user("c"), assistant("<think>\nd\n</think>\n\n")], None),
    ([user("<tool_response>a</tool_response>"), assistant("<think>b</think>c"), user("d")], None),
    ([user("one"), user("two")], None),
    ([system("x"), system("y"), user("two")], None),
    ([assistant("I begin."), user("ok")], None),
    ([user(""), assistant(""), user("\n")], None),
    ([system("Only this.")], None),
    ([user("Weather in Zürich?")], TOOLS),
    ([system("Be brief.\n"), user(" Weather?\n")], TOOLS),
    ([user("Weather?"), assistant("", ("weather", {"place": "Zürich \"ZH\"", "days": 2})), tool('{"celsius": 7}'), assistant("7 degrees."), user("And now?")], TOOLS),
    ([user("Weather?"), assistant("Let me see.", ("weather", {"days": 1, "place": "a"}), ("now", {})), tool("7"), tool("noon")], TOOLS),
    ([user("Time?"), assistant("<think>\nI should look.\n</think>\n\n", ("now", {"a": [1, 2.5, None, True, [], {}], "b": {"c": "d\te\u0001\u007f/\\\u2028"}})), tool("noon")], TOOLS),
    ([user("Time?"), assistant("", ("now", {"numbers": NUMBERS}))], TOOLS[1:]),
]

NOW = datetime.datetime(2026, 3, 5, 7, 8, 9)
FORMATS = "%Y-%m-%d %H:%M:%S|%d %b %Y|%B %d, %Y|%A, %-d %B %y|%a %j %-j|%I:%M %p|%-H:%-M:%-S %-I|%-m/%e %%"


class Clock(datetime.datetime):
    """Stands still."""

    @classmethod
    def now(cls, tz=None):
        return NOW


def take_templates(package: str) -> None:
    with tarfile.open(package) as files:
        source = files.extractfile("package/src/chat-template-automap.ts").read().decode()
    # A model's name, then its file's template, as literals that read the same in Python.
    literal = r"""("(?:[^"\\\n]|\\.)*"|'(?:[^'\\\n]|\\.)*')"""
    found = {name: ast.literal_eval(text) for name, text in re.findall(rf'model: "library/([^"]+)",\n\t\tgguf:\s*{literal},', source)}
    for ours, theirs, _, _ in MODELS:
        (TEMPLATES / f"{ours}.jinja").write_bytes(found[theirs].encode())


def render(template: str, messages: list, tools: list | None, add_generation_prompt: bool, bos: str, eos: str) -> str | None:
    try:
        rendered, _ = chat_template_utils.render_jinja_template([messages], tools, chat_template=template, add_generation_prompt=add_generation_prompt, bos_token=bos, eos_token=eos)
        return rendered[0]
    except (TemplateError, TypeError):
        return None


def main() -> None:
    if len(sys.argv) > 1:
        take_templates(sys.argv[1])
    chat_template_utils.datetime = Clock
    models = [(name, (TEMPLATES / f"{name}.jinja").read_bytes().decode(), bos, eos) for name, _, bos, eos in MODELS]
    models += [(name, template, "<s>", "</s>") for name, template in OWN.items()]
    epoch = datetime.datetime(1970, 1, 1)
    chance = random.Random(1)
    times = [NOW, *(epoch + datetime.timedelta(seconds=chance.randrange(1 << 33)) for _ in range(40)), datetime.datetime(2000, 2, 29), datetime.datetime(2100, 12, 31, 23, 59, 59)]
    golden = {
        "now": (NOW - epoch) // datetime.timedelta(seconds=1),
        "times": [[(time - epoch) // datetime.timedelta(seconds=1), time.strftime(FORMATS)] for time in times],
        "formats": FORMATS,
        "conversations": [{"messages": messages, "tools": tools} for messages, tools in CONVERSATIONS],
        # Each conversation twice: up to where the assistant begins to speak, and without that.
        "templates": [
            {
                "name": name,
                "source": template if name in OWN else None,
                "bos": bos,
                "eos": eos,
                "rendered": [[render(template, messages, tools, begins, bos, eos) for begins in (True, False)] for messages, tools in CONVERSATIONS],
            }
            for name, template, bos, eos in models
        ],
    }
    (HERE / "chat.json").write_text(json.dumps(golden, ensure_ascii=False, indent=1) + "\n")
    rendered = [text for template in golden["templates"] for pair in template["rendered"] for text in pair]
    print(len(rendered), "renderings,", rendered.count(None), "refused")


if __name__ == "__main__":
    main()
