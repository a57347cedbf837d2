#!/usr/bin/env python3
"""Shows that tidy finds what it claims to find, each rule in a small checkout of its own."""
import hashlib
import sys
import tempfile
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))
import tidy  # noqa: E402


def rules_of(files):
    """The rules that a checkout with these files breaks, apart from those that every tiny one does."""
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        for name, text in {"src/README.md": "", "src/base/README.md": "", "src/core/README.md": "", **files}.items():
            path = root / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
        return [rule for _, _, rule, _ in tidy.tidy(root)]


def function(lines):
    return "int f(void) {\n" + "    g();\n" * (lines - 2) + "}\n"


LISTED = {"src/base/meson.build": "files('a.c')"}


class Tidy(unittest.TestCase):
    def test_a_clean_file_has_no_finding(self):
        self.assertEqual(rules_of({**LISTED, "src/base/a.c": '#include "base/a.h"\nint a;\n', "src/base/a.h": "int f(void);\n"}), [])

    def test_an_include_may_not_run_upwards(self):
        self.assertEqual(rules_of({**LISTED, "src/base/a.c": '#include "core/gate.h"\n'}), ["include"])

    def test_an_include_may_not_run_sideways(self):
        files = {"src/policy/README.md": "", "src/policy/meson.build": "'a.c'", "src/policy/a.c": '#include "signal/a.h"\n'}
        self.assertEqual(rules_of(files), ["include"])

    def test_the_core_may_not_know_the_store(self):
        files = {"src/core/meson.build": "'a.c'", "src/core/a.c": '#include "store/store.h"\n'}
        self.assertEqual(rules_of(files), ["include"])

    def test_a_private_header_stays_in_its_folder(self):
        files = {"src/core/meson.build": "'a.c'", "src/core/a.c": '#include "base/time_private.h"\n'}
        self.assertEqual(rules_of(files), ["include"])

    def test_a_header_must_compile_alone(self):
        self.assertEqual(rules_of({"src/base/a.h": "size_t f(void);\n"}), ["header-alone"])

    def test_banned_functions_are_found_but_not_in_comments_strings_or_members(self):
        bad = "void f(void) {\n    strcpy(a, b);\n}\n"
        good = '/* strcpy(a, b) */ // atoi(x)\nvoid f(void) {\n    g("sprintf(x)");\n    x->system(1);\n    snprintf(a);\n}\n'
        self.assertEqual(rules_of({**LISTED, "src/base/a.c": bad}), ["banned"])
        self.assertEqual(rules_of({**LISTED, "src/base/a.c": good}), [])

    def test_a_migration_is_listed_and_never_changed(self):
        sums = "7e1fe6b2e2c9c8e2ae7b2d58b1ae8d0a5c1e6a1d8f3d0c62d6a0c1f7a5b0e9d4  0001.sql\n"
        right = hashlib.sha256(b"CREATE TABLE a (b int);\n").hexdigest() + "  0001.sql\n"
        folder = "src/base/migrations/"
        self.assertEqual(rules_of({folder + "0001.sql": "CREATE TABLE a (b int);\n", folder + "SHA256SUMS": right}), [])
        self.assertEqual(rules_of({folder + "0001.sql": "CREATE TABLE a (b int);\n", folder + "SHA256SUMS": sums}), ["migration"])
        self.assertEqual(rules_of({folder + "0001.sql": "CREATE TABLE a (b int);\n"}), ["migration"])
        self.assertEqual(rules_of({folder + "0002.sql": "", folder + "SHA256SUMS": right}), ["migration", "migration"])

    def test_a_function_over_seventy_lines_is_found(self):
        self.assertEqual(rules_of({**LISTED, "src/base/a.c": function(70)}), [])
        self.assertEqual(rules_of({**LISTED, "src/base/a.c": function(71)}), ["long-function"])
        self.assertEqual(rules_of({**LISTED, "src/base/a.c": "static " + function(60) + "\n" + function(60)}), [])

    def test_a_long_function_is_found_behind_every_way_to_begin_one(self):
        body = "    g();\n" * 75 + "}\n"
        for head in ("struct a *f(int x) {\n", "static int f(int x,\n             int y) {\n", "int f(int x)\n{\n",
                     "static const struct err *\nf(void) {\n"):
            self.assertEqual(rules_of({**LISTED, "src/base/a.c": head + body}), ["long-function"], head)

    def test_a_long_table_is_no_function(self):
        for head in ("static const int t[] = {\n", "struct t {\n", "enum {\n", "static const struct {\n"):
            self.assertEqual(rules_of({**LISTED, "src/base/a.c": head + "    1,\n" * 90 + "} x;\n"}), [], head)

    def test_a_file_over_eight_hundred_lines_is_found(self):
        self.assertEqual(rules_of({**LISTED, "src/base/a.c": "int a;\n" * 801}), ["long-file"])

    def test_a_forgotten_source_is_found(self):
        self.assertEqual(rules_of({"src/base/b.c": "int b;\n"}), ["unlisted"])

    def test_unfinished_work_is_found(self):
        self.assertEqual(rules_of({**LISTED, "src/base/a.c": "/* TO" + "DO later */\n"}), ["unfinished"])

    def test_a_folder_without_a_readme_is_found(self):
        self.assertEqual(rules_of({"src/model/a.h": "int f(void);\n"}), ["readme"])


if __name__ == "__main__":
    unittest.main()
