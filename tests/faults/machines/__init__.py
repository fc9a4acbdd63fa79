"""State machines: whatever can happen happens in any order, and after each step the store is what a model says.

Each model fits on a page and knows nothing of the code: `request_model`, `policy_model`, `letter_model`, `log_model`.
The system is the production code with its production wiring, on real servers. A few examples run with `make test`,
many with `make faults`; `MACHINE_EXAMPLES=1000` sets how many.

In reading order: `machine` (how they are run), a model each, and beside each model its machine.
"""
