#pragma once
#include <cstdint>
#include <span>

#include "tenure/simulate/customers.hpp"

/// What a company does with its customers: subscriptions, campaigns, surveys. Each is drawn from
/// the truth of the base, customer by customer, from streams of its own.
namespace tenure::simulate {

/// The columns of the base that programmes read, all of one length, and the frame of time.
struct Members {
  std::span<const std::int64_t> first_order;
  std::span<const std::int64_t> dropout_time;
  std::span<const double> rate;
  std::span<const double> mean_spend;
  std::uint64_t seed = 0;
  std::int64_t end = 0;
  bool whole_days = true;
  TimeZone timezone = {};
};

/// `share` of those with an order subscribe at their first one. Every `period` microseconds the
/// contract ends with the customer's own probability theta ~ Beta(a, b), constant over renewals, or
/// is renewed: the shifted beta-geometric model [Fader & Hardie 2007].
struct Plan {
  double share;
  double a, b;
  std::int64_t period;
  double price;
};
enum class RenewalKind : std::uint8_t { start, renewal, cancel };
struct Subscriptions {
  Buffer<std::int64_t> customer;  ///< one row a subscription
  Buffer<std::int64_t> start;
  Buffer<std::int64_t> cancelled;  ///< kNever while it runs
  Buffer<std::int64_t> renewals;
  Buffer<double> cancel_probability;
  Buffer<std::int64_t> event_customer;  ///< one row an event, ordered by customer and time
  Buffer<std::int64_t> event_time;
  Buffer<std::uint8_t> event_kind;
  Buffer<double> event_amount;  ///< the price; 0 for a cancellation
};
Subscriptions simulate_subscriptions(const Members& members, const Plan& plan,
                                     const Execution& execution);

/// At `time`, `audience` of the customers so far are drawn, and `control` of these are not
/// contacted. One who is still active responds with probability `base`, and with `base` + own
/// uplift if contacted: uplift (1 + spread x), x = (lambda - m) / (lambda + m) in (-1, 1), m =
/// `typical_rate`, cut off where the probability would leave [0, 1]. One who has dropped out never
/// responds. A response is worth Gamma(p) with the customer's mean spend.
struct Campaign {
  std::int64_t time;
  std::uint64_t index;  ///< campaigns with different indices draw from different streams
  double audience;
  double control;
  double base;
  double uplift;
  double spread;
  double typical_rate;
  double p;
  double scale;  ///< as in Population
};
struct Contacts {
  Buffer<std::int64_t> customer;
  Buffer<std::uint8_t> treated;
  Buffer<std::uint8_t> responded;
  Buffer<double> revenue;
  Buffer<double> base;    ///< true probability of a response if not contacted
  Buffer<double> uplift;  ///< true difference that the contact makes
};
Contacts simulate_contacts(const Members& members, const Campaign& campaign,
                           const Execution& execution);

/// At `time` every customer so far is asked and `response` of them answer. Promoters (9, 10),
/// passives (7, 8) and detractors (0-6) have the shares given for those who dropped out and for
/// those active; the marks of a class are equally likely. The same person's satisfaction of 1-5 is
/// 4-5, 3-4 or 1-3.
struct Survey {
  std::int64_t time;
  std::uint64_t index;
  double response;
  double promoters[2];  ///< [0]: dropped out, [1]: active
  double detractors[2];
};
struct Answers {
  Buffer<std::int64_t> customer;
  Buffer<std::uint8_t> score;         ///< 0-10
  Buffer<std::uint8_t> satisfaction;  ///< 1-5
  Buffer<std::uint8_t> active;
};
Answers simulate_survey(const Members& members, const Survey& survey, const Execution& execution);

}  // namespace tenure::simulate
