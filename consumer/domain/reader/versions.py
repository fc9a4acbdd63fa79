"""The version of all that is constant in how a draft comes about; a part of every draft's key."""

from consumer.domain.reader import question
from consumer.domain.writing import prompt

PROMPTS = f"{prompt.VERSION}-{question.VERSION}"
"""The drafter's prompt and the second reader's: a draft that was checked by other rules is another draft."""
