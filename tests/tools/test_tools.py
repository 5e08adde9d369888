"""The checks check: each rule of tools/layers, tools/check-style and tools/junit-sum is broken once."""
import subprocess

import pytest

from harness.server import ROOT


def run_tool(name, *arguments):
    run = subprocess.run([ROOT / "tools" / name, *arguments], capture_output=True, text=True, check=False)
    return run.returncode, run.stdout


def tree(root, files):
    """A git work tree of these files."""
    subprocess.run(["git", "init", "-q", root], check=True)
    for name, text in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return root


LAYER_FAULTS = {
    "upward": ({"src/base/a.c": '#include "store/b.h"\n', "src/store/b.h": ""}, "upward"),
    "sibling": ({"src/http/a.c": '#include "json/b.h"\n', "src/json/b.h": ""}, "sibling"),
    "cycle": ({"src/base/a.h": '#include "base/b.h"\n', "src/base/b.h": '#include "base/a.h"\n'}, "include cycle"),
    "absent": ({"src/base/a.c": '#include "base/gone.h"\n'}, "there is no src/base/gone.h"),
    "unknown room": ({"src/attic/a.c": "\n"}, "no layer is known"),
    "library": ({"src/api/a.c": "#include <sqlite3.h>\n"}, "belongs to db alone"),
}


@pytest.mark.parametrize("fault", LAYER_FAULTS)
def test_layers_names_the_fault(tmp_path, fault):
    files, expected = LAYER_FAULTS[fault]
    status, said = run_tool("layers", tree(tmp_path, files))
    assert status == 1
    assert expected in said


def test_layers_accepts_downward_edges(tmp_path):
    files = {"src/main.c": '#include "api/a.h"\n', "src/api/a.h": '#include "base/b.h"\n#include <stdio.h>\n',
             "src/base/b.h": "", "src/json/j.h": "", "src/manifest/m.c": '#include "json/j.h"\n'}
    assert run_tool("layers", tree(tmp_path, files)) == (0, "")


LONG_FUNCTION = "int f(void)\n{\n" + "    f();\n" * 69 + "}\n"
STYLE_FAULTS = {
    "long file": ({"a.py": "x = 1\n" * 501}, "a.py:1: file of 501 lines"),
    "long function": ({"a.c": LONG_FUNCTION}, "a.c:2: function of 71 lines"),
    "long python function": ({"a.py": "def f():\n" + "    f()\n" * 70}, "a.py:1: function of 71 lines"),
    "banned": ({"a.c": "int n = atoi(s);\n"}, "a.c:1: atoi is banned"),
    "typedef": ({"a.h": "typedef struct x x;\n"}, "a.h:1: structs are not typedef'd"),
    "name": ({"string_util.c": "int x;\n"}, "nothing is called util"),
    "tab": ({"a.c": "\tint x;\n"}, "a.c:1: a tab"),
    "trailing blank": ({"a.py": "x = 1 \n"}, "a.py:1: a tab or a blank"),
    "machine path": ({"notes.md": "see /" + "home/someone/notes\n"}, "notes.md:1: a path of a particular machine"),
    "format": ({"src/base/a.c": "int  x;\n", ".clang-format": "BasedOnStyle: LLVM\n"}, "src/base/a.c:1:4: error"),
}


@pytest.mark.parametrize("fault", STYLE_FAULTS)
def test_check_style_names_the_fault(tmp_path, fault):
    files, expected = STYLE_FAULTS[fault]
    status, said = run_tool("check-style", tree(tmp_path, files))
    assert status == 1
    assert expected in said


def test_check_style_looks_past_comments_and_strings(tmp_path):
    text = '/* atoi(s) */\nconst char *x = "strcpy(a, b)"; // gets(s)\nint strcpy_like(void);\n'
    assert run_tool("check-style", tree(tmp_path, {"a.c": text, "b.c": LONG_FUNCTION.replace("    f();\n", "", 1)})) \
        == (0, "")


JUNIT = ('<testsuites><testsuite><testcase name="a"/><testcase name="b"><failure/></testcase>'
         '<testcase name="c"><error/></testcase><testcase name="d"><skipped/></testcase></testsuite></testsuites>')


@pytest.mark.parametrize("text, status, expected", [
    (JUNIT, "1", "1 2\n"),
    ('<testsuites><testcase name="a"/></testsuites>', "0", "1 0\n"),
    ('<testsuites><testcase name="a"/></testsuites>', "3", "1 1\n"),
])
def test_junit_sum(tmp_path, text, status, expected):
    (tmp_path / "junit.xml").write_text(text, encoding="utf-8")
    assert run_tool("junit-sum", tmp_path / "junit.xml", status) == (0, expected)
