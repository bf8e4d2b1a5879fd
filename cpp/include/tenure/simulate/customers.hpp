#pragma once
#include <cstdint>
#include <limits>
#include <optional>
#include <span>

#include "tenure/support/buffer.hpp"
#include "tenure/support/calendar.hpp"
#include "tenure/support/execution.hpp"

/// A customer base with known truth. Every draw comes from a stream keyed by (seed, feature,
/// customer): the same bits for any number of threads, customer i does not depend on how many there
/// are, and a feature that is switched on changes no draw of another.
namespace tenure::simulate {

/// The time of what has not happened before the end.
inline constexpr std::int64_t kNever = std::numeric_limits<std::int64_t>::max();

enum class Dropout : std::uint8_t {
  pareto_nbd,  ///< lifetime exponential with rate mu ~ Gamma(s, rate beta) [Schmittlein et al.
               ///< 1987]
  bg_nbd,      ///< after each repeat order with probability p ~ Beta(a, b) [Fader et al. 2005]
  mbg_nbd      ///< after each order, the first included [Batislam et al. 2007]
};

enum class EventKind : std::uint8_t { visit, lead, order, refund };

/// Where customers come from: `share` of them, at `cost` each, ordering at `multiplier` times the
/// rate.
struct Channel {
  double share;
  double cost;
  double multiplier;
};

/// What precedes the first order. A prospect arrives with a visit, visits again a geometric number
/// of times with mean `visits`, becomes a lead with probability `lead`, and as a lead orders with
/// probability `order`. Each step comes an exponential time with mean `delay` after the one before.
struct Funnel {
  double lead;
  double order;
  double delay;
  double visits;
};

/// Times without a unit in their comment are in `unit`s; rates are per `unit`.
struct Population {
  std::int64_t customers = 0;
  std::uint64_t seed = 0;
  std::int64_t start = 0;  ///< observation is [start, end), microseconds
  std::int64_t end = 0;
  double unit = 0.0;       ///< microseconds in one unit of time
  double arrivals = 0.0;   ///< customers arrive uniformly in the first so many units
  bool whole_days = true;  ///< events happen at the first instant of their local day
  TimeZone timezone = {};
  Dropout dropout = Dropout::pareto_nbd;
  double r = 0.0, alpha = 0.0;                       ///< order rate lambda ~ Gamma(r, rate alpha)
  double dropout_first = 0.0, dropout_second = 0.0;  ///< s, beta or a, b
  double p = 0.0, q = 0.0, gamma = 0.0;  ///< amounts: Gamma(p, nu), nu ~ Gamma(q, rate gamma)
  double scale = 100.0;       ///< amounts are whole multiples of 1 / scale and not 0; 0: as drawn
  double refunds = 0.0;       ///< probability that an order is refunded in full
  double refund_delay = 0.0;  ///< mean of the exponential time until then
  double visits = 0.0;        ///< while active, visits come at this many times the order rate
  std::optional<Funnel> funnel = {};
  std::span<const Channel> channels = {};  ///< at least one; shares sum to 1
};

/// The truth, one row a customer. Times in microseconds, kNever if not before the end.
struct Customers {
  Buffer<std::int64_t> arrival;
  Buffer<std::int64_t> first_order;
  Buffer<std::uint8_t> channel;
  Buffer<double> rate;     ///< lambda times the channel's multiplier, per unit
  Buffer<double> dropout;  ///< mu per unit, or p
  Buffer<std::int64_t> dropout_time;
  Buffer<double> mean_spend;    ///< p / nu
  Buffer<std::int64_t> orders;  ///< before the end, the first included
};

/// Rows ordered by customer, time, kind, amount.
struct Events {
  Buffer<std::int64_t> customer;
  Buffer<std::int64_t> time;
  Buffer<std::uint8_t> kind;
  Buffer<double> amount;  ///< > 0 for an order, < 0 for a refund, NaN otherwise
};

struct Base {
  Customers customers;
  Events events;
};

/// Draws the customers and all they do. O(customers + events), bound by the memory written and the
/// random numbers: about 0.3 us an event. Throws InvalidInput for a setting out of its range, and
/// for a customer with a million orders or visits, which only a wrong unit or rate produces.
Base simulate_base(const Population& population, const Execution& execution);

}  // namespace tenure::simulate
