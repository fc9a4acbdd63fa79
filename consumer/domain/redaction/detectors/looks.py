"""How much of a record is looked at: a bound for records that are made to be slow."""

MOST_LOOKS = 5_000
"""For all texts of a record, at first sight and again as many. A look takes 5 to 20 µs, and a record may take 250 ms.
Over a thousand lines of a log in which each line names a password pass."""
MOST_STEPS = 10_000
"""Texts, lists and objects of a record: one for 105 bytes of the longest record. A step takes 2 to 4 µs."""


class Looks:
    """How often rules may still look at a place, in all texts of one record together.

    A record of nothing but anchors would need a million looks; ordinary ones need none or a few. What is left of a text
    when the looks are used up is taken for one secret: it is removed and not read.
    """

    steps = MOST_STEPS
    """For texts, lists and objects that hold anything to look at."""
    first = MOST_LOOKS
    again = MOST_LOOKS
    """For what only a further look finds."""

    @property
    def are_used_up(self) -> bool:
        return self.first <= 0 or self.again <= 0 or self.steps <= 0

    def count_in(self, other: "Looks") -> None:
        self.steps -= MOST_STEPS - other.steps
        self.first -= MOST_LOOKS - other.first
        self.again -= MOST_LOOKS - other.again

    def step(self) -> None:
        self.steps -= 1

    def take(self, number: int, *, again: bool = False) -> bool:
        """Whether there are so many looks left; takes them."""
        if again:
            enough, self.again = self.again >= number, max(0, self.again - number)
        else:
            enough, self.first = self.first >= number, max(0, self.first - number)
        return enough
