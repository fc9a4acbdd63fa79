"""Everything flaps at random, for as long as asked: `make soak MINUTES=30 SEED=7`.

Storms of faults change with quiet phases in which everything works again and all work has to end. The same seed gives
the same faults in the same storms. One replica, the steady one, is frozen now and then and never ended: it shows leaks.

Files in reading order: plan (which fault when: pure), tenants (their policies), fleet (replicas as processes), replica
(what a process tells of its memory), bills (what the model was paid), moods (the model's faults), poison (records to
refuse), histories (sessions), load (sends them), deeds (what operators do meanwhile), chaos (carries a plan out),
figures (one place for counts), stream (a reader of the outcomes), watch (looks at replicas and tables), trend (is it a
leak: pure), logs (what may stand there), verdict (the final oracle), view, report, soak (one run).
"""
