"""What each figure of the page means, in plain words."""

from __future__ import annotations

from typing import NamedTuple


class Definition(NamedTuple):
    """One entry: its anchor is ``#def-<key>``."""

    key: str
    name: str
    text: str


DEFINITIONS = (
    Definition(
        "customer",
        "Customer",
        "Someone with at least one order before the end of observation. Customers of the log "
        "without an order are counted apart.",
    ),
    Definition(
        "order",
        "Order",
        "All that one customer bought on one calendar day of the log's time zone, amounts added "
        "up. A day with nothing but refunds is no order.",
    ),
    Definition(
        "revenue",
        "Revenue",
        "The sum of all amounts, refunds taken off.",
    ),
    Definition(
        "order-value",
        "Order value",
        "Revenue divided by orders. Its interval treats customers, not orders, as independent.",
    ),
    Definition(
        "repeat-rate",
        "Repeat rate",
        "The share of customers with a second order so far. Young customers have had little time "
        "for one, so it grows as a log gets longer; the repeat curve corrects for that.",
    ),
    Definition(
        "repeat-curve",
        "Repeat curve",
        "The share of customers who have placed a second order within so many days of the first. "
        "Customers who have been watched for less time leave the count when their time is up "
        "(Kaplan-Meier estimate).",
    ),
    Definition(
        "interval",
        "Interval",
        "All intervals are at 95 %: made this way, 95 of 100 would hold the true value. Shares of "
        "customers have Wilson intervals; means over customers have normal ones.",
    ),
    Definition(
        "concentration",
        "Concentration",
        "The share of revenue that the best-paying 1 % or 10 % of customers brought, ranked by "
        "what each has spent.",
    ),
    Definition(
        "cohort",
        "Cohort",
        "Customers who placed their first order in the same calendar month.",
    ),
    Definition(
        "retention",
        "Retention",
        "Of a cohort, the share who ordered in the k-th calendar month after the month of their "
        "first order. It may rise again: who skips a month is not gone. A month that has not "
        "ended is not shown (grey), never counted as zero.",
    ),
    Definition(
        "pooled",
        "All cohorts",
        "Retention of all cohorts together: customers who returned in month k over customers "
        "whose month k has been observed.",
    ),
    Definition(
        "stage",
        "Lifecycle stage",
        "Each customer stands in exactly one stage. The first rule that fits decides, from the "
        "number of orders, the days since the last one, the gaps between them and the money "
        "spent; the thresholds come from the log itself and are listed with the stages.",
    ),
    Definition(
        "loss-risk",
        "Loss risk",
        "Of the customers in a stage at the cut, the share without any order in the hold-out that "
        "followed.",
    ),
    Definition(
        "revenue-potential",
        "Revenue potential",
        "Mean net revenue per customer of a stage in the hold-out that followed the cut, "
        "customers without an order included as zero.",
    ),
    Definition(
        "p-alive",
        "P(alive)",
        "The probability that a customer still buys, given when and how often they bought. It is "
        "never observed; the model infers it from silence against the customer's own rhythm.",
    ),
    Definition(
        "expected-orders",
        "Expected orders",
        "Orders that the model expects of a customer within the horizon, given their history. It "
        "weighs what an active customer would order with the probability of being active.",
    ),
    Definition(
        "expected-spend",
        "Expected order value",
        "The mean order value that the model expects of a customer: their own mean, pulled "
        "towards that of all customers, the more so the fewer orders there are.",
    ),
    Definition(
        "expected-value",
        "Expected value",
        "Expected orders within the horizon, each worth the expected order value times the "
        "margin, discounted to the end of observation at the stated yearly rate.",
    ),
    Definition(
        "decile",
        "Decile of value",
        "Customers ranked by expected value and cut into ten groups of equal size; the first "
        "holds the highest values.",
    ),
    Definition(
        "rfm",
        "RFM segment",
        "Customers scored from 1 to 5 by how recently and how often they ordered (5 is best; "
        "equal customers get equal scores), and named by a grid over the two scores. Money is "
        "scored too and listed in the table.",
    ),
    Definition(
        "holdout",
        "Calibration and hold-out",
        "For the check of the fit the log is cut in two: the model learns from what came before "
        "the cut and is compared with what came after it, which it has not seen. The forecasts "
        "use the whole log.",
    ),
    Definition(
        "tracking",
        "Tracking",
        "Repeat orders of all customers of the calibration, counted week by week, against the "
        "number that the model expects from when those customers placed their first order.",
    ),
    Definition(
        "frequency",
        "Customers by repeat orders",
        "How many customers placed 0, 1, 2, ... repeat orders until the cut, against the number "
        "that the fitted model expects.",
    ),
    Definition(
        "conditional",
        "Conditional expectation",
        "Customers grouped by their repeat orders before the cut: the mean number of orders in "
        "the hold-out, as it was and as the model expected it from each customer's history.",
    ),
    Definition(
        "standard-error",
        "Standard error",
        "How far an estimated parameter would typically lie from its true value if the model "
        "held. From the curvature of the likelihood at its maximum.",
    ),
    Definition(
        "refund",
        "Refund",
        "A row with a negative amount. The data report says how refunds were treated.",
    ),
)

KEYS = frozenset(d.key for d in DEFINITIONS)
