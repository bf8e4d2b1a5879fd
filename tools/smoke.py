"""A tiny use of an installed tenure, run in an environment that holds nothing else."""

import datetime as dt

import tenure as tn

curve = tn.churn.KaplanMeier().fit([1, 2, 2, 3], [1, 1, 0, 0]).curve_
assert curve.survival.tolist() == [0.75, 0.5], curve

days = [dt.date(2024, 1, d) for d in (1, 3, 8, 9)]
log = tn.EventLog({"id": ["ann", "bob", "ann", "ann"], "day": days}, customer="id", time="day")
assert log.summary(unit="day").frequency.tolist() == [2, 0], log

orders = tn.datasets.load_cdnow(sample=True)
log = tn.EventLog(orders, customer="customer_id", time="date", amount="amount")
model = tn.clv.BGNBD().fit(log.summary(unit="week", end="1997-09-30"))
assert round(model.params_["alpha"], 3) == 4.414, model
print(f"tenure {tn.__version__} imports, indexes and fits")
