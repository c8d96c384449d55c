"""Captions of the data set, and their tokens: what a network that is told a text needs of them."""

from __future__ import annotations

from typing import NamedTuple

from stages.config.errors import InputError
from stages.store.files import read_npz
from stages.store.paths import DATASET

START, END = "<start>", "<end>"


class Tokens(NamedTuple):
    """Ids of all captions, of one length, those of the empty caption last, and how many ids there are."""

    captions: list[list[int]]
    vocabulary: int


def read_captions() -> list[str]:
    """Return the captions that the labels of the data set are indices of.

    Raises:
        InputError: there are none.
    """
    captions = [str(caption) for caption in read_npz(DATASET, "captions")[0]]
    if not captions:
        raise InputError(f"{DATASET}: no captions; a network that is told a text needs one for each label")
    return captions


def word_tokens(captions: list[str]) -> Tokens:
    """Return the captions by their words, between a start and an end, filled up with ends as CLIP's are."""
    from tokenizers import Tokenizer
    from tokenizers.models import WordLevel
    from tokenizers.pre_tokenizers import Whitespace
    from tokenizers.processors import TemplateProcessing

    split = Whitespace()
    words = sorted({word for caption in captions for word, _ in split.pre_tokenize_str(caption)})
    vocabulary = {word: index for index, word in enumerate((START, END, *words))}
    tokenizer = Tokenizer(WordLevel(vocabulary, unk_token=END))
    tokenizer.pre_tokenizer = split  # pyright: ignore[reportAttributeAccessIssue]
    tokenizer.post_processor = TemplateProcessing(  # pyright: ignore[reportAttributeAccessIssue]
        single=f"{START} $A {END}", special_tokens=[(START, 0), (END, 1)]
    )
    tokenizer.enable_padding(pad_id=1, pad_token=END)
    return Tokens([encoded.ids for encoded in tokenizer.encode_batch([*captions, ""])], len(vocabulary))
