"""Macros: those that a LaTeX file defines, and plain meanings for commands that pandoc would lose numbers over."""

from __future__ import annotations

import re

from stages.auditing.importer.read.braces import arguments, end_of_group, skip_options

# What only decorates a cell passes on its content; what is no part of it is empty.
PLAIN = r"""
\newcommand{\underline}[1]{#1}
\newcommand{\uline}[1]{#1}
\newcommand{\ul}[1]{#1}
\newcommand{\hl}[1]{#1}
\newcommand{\fbox}[1]{#1}
\newcommand{\colorbox}[2]{#2}
\newcommand{\rotatebox}[3][]{#3}
\newcommand{\scalebox}[2]{#2}
\newcommand{\resizebox}[3]{#3}
\newcommand{\adjustbox}[2]{#2}
\newcommand{\makebox}[1][]{}
\newcommand{\num}[2][]{#2}
\newcommand{\tablenum}[2][]{#2}
\newcommand{\cellcolor}[2][]{}
\newcommand{\rowcolor}[2][]{}
\newcommand{\phantom}[1]{}
\newcommand{\hphantom}[1]{}
\newcommand{\vphantom}[1]{}
\newcommand{\rule}[3][]{}
\newcommand{\footnote}[2][]{}
\newcommand{\footnotemark}[1][]{}
\newcommand{\tnote}[1]{}
\newcommand{\checkmark}{✓}
\newcommand{\cmark}{✓}
\newcommand{\xmark}{✗}
\newcommand{\pm}{±}
"""
DEFINITION = re.compile(r"\\(?:re|provide)?newcommand\*?\s*|\\DeclareRobustCommand\*?\s*|\\DeclareMathOperator\*?\s*")
NAME = re.compile(r"\\[A-Za-z@]+\s*")
DEF = re.compile(r"\\[gex]?def\s*\\[A-Za-z@]+(#\d)*\s*(?=\{)")


def definitions(text: str) -> str:
    r"""Return the definitions of macros (\newcommand and its kin, \def) of a file, a line each."""
    found = []
    for match in DEFINITION.finditer(text):
        try:
            found.append(text[match.start() : _end(text, match.end())])
        except ValueError:
            continue
    for match in DEF.finditer(text):
        try:
            found.append(text[match.start() : end_of_group(text, match.end())])
        except ValueError:
            continue
    return "\n".join(found)


def _end(text: str, start: int) -> int:
    name = NAME.match(text, start)
    start = name.end() if name else end_of_group(text, start)
    return arguments(text, skip_options(text, start), 1)[1]
