"""Voice activity on this machine: Silero behind an energy gate, one model and one thread for all calls.

Sound is cut into windows (`windows`); a gate (`gate`) holds back what is clearly silence; what passes waits for the
next batch (`batch`), in which one run of the model (`silero`) judges windows of many calls; each call's edges (`edges`)
make speech of the probabilities. `detector` ties them together behind the port; `weights` finds the model.
"""
