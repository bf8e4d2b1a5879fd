#include "tenure/simulate/customers.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <tuple>
#include <vector>

#include "drawing.hpp"
#include "tenure/support/errors.hpp"

namespace tenure::simulate {
namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();
constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();
constexpr std::size_t kMaxEvents = 1'000'000;

void require(bool holds, const char* argument, double value, const char* rule,
             std::int64_t row = -1) {
  if (!holds) throw InvalidInput(argument, row, value, rule);
}

void require_positive(const char* argument, double value) {
  require(std::isfinite(value) && value > 0.0, argument, value, "finite and > 0");
}

void require_at_least_0(const char* argument, double value) {
  require(std::isfinite(value) && value >= 0.0, argument, value, "finite and >= 0");
}

void require_probability(const char* argument, double value) {
  require(value >= 0.0 && value <= 1.0, argument, value, "between 0 and 1");
}

void require_valid(const Population& s) {
  require(s.customers >= 0, "customers", static_cast<double>(s.customers), ">= 0");
  require(s.end > s.start, "end", static_cast<double>(s.end), "after start");
  require_positive("unit", s.unit);
  require_at_least_0("arrivals", s.arrivals);
  require_positive("r", s.r);
  require_positive("alpha", s.alpha);
  require_positive("dropout_first", s.dropout_first);
  require_positive("dropout_second", s.dropout_second);
  require_positive("p", s.p);
  require_positive("q", s.q);
  require_positive("gamma", s.gamma);
  require_at_least_0("scale", s.scale);
  require_probability("refunds", s.refunds);
  require_at_least_0("refund_delay", s.refund_delay);
  require_at_least_0("visits", s.visits);
  if (s.funnel) {
    require_probability("lead", s.funnel->lead);
    require_probability("order", s.funnel->order);
    require_at_least_0("delay", s.funnel->delay);
    require_at_least_0("visits", s.funnel->visits);
  }
  require(!s.channels.empty() && s.channels.size() <= 255, "channels",
          static_cast<double>(s.channels.size()), "1 to 255 in number");
  double total = 0.0;
  for (std::size_t i = 0; i < s.channels.size(); ++i) {
    const auto row = static_cast<std::int64_t>(i);
    const Channel& c = s.channels[i];
    require(c.share >= 0.0 && c.share <= 1.0, "share", c.share, "between 0 and 1", row);
    require(std::isfinite(c.cost) && c.cost >= 0.0, "cost", c.cost, "finite and >= 0", row);
    require(std::isfinite(c.multiplier) && c.multiplier >= 0.0, "multiplier", c.multiplier,
            "finite and >= 0", row);
    total += c.share;
  }
  require(std::abs(total - 1.0) < 1e-9, "share", total, "1 in sum over the channels");
}

struct Event {
  double elapsed;
  EventKind kind;
  double amount;
};

struct EventBlock {
  std::vector<std::int64_t> count;  // of each customer's rows
  std::vector<std::int64_t> time;
  std::vector<std::uint8_t> kind;
  std::vector<double> amount;
  std::vector<Event> scratch;
  std::vector<std::tuple<std::int64_t, std::uint8_t, double>> rows;
};

struct Keys {
  explicit Keys(std::uint64_t seed)
      : orders(key_of(seed, Feature::orders)),
        spend(key_of(seed, Feature::spend)),
        refunds(key_of(seed, Feature::refunds)),
        visits(key_of(seed, Feature::visits)),
        funnel(key_of(seed, Feature::funnel)) {}
  std::uint64_t orders, spend, refunds, visits, funnel;
};

class CustomerDraw {
 public:
  CustomerDraw(const Population& settings, const LogClock& clock, const Keys& keys,
               Customers& customers)
      : s_(settings), clock_(clock), keys_(keys), out_(customers), horizon_(clock.horizon()) {
    double total = 0.0;
    for (const Channel& c : s_.channels) shares_.push_back(total += c.share);
    shares_.back() = 2.0;  // rounding of the sum must leave nobody over
  }

  void operator()(EventBlock& block, std::int64_t i) const {
    auto& events = block.scratch;
    events.clear();
    const auto stream = static_cast<std::uint64_t>(i);
    RandomStream draw(keys_.orders, stream);
    const double u = draw.uniform();
    const auto channel = std::upper_bound(shares_.begin(), shares_.end(), u) - shares_.begin();
    const double rate = draw.gamma(s_.r) / s_.alpha * s_.channels[channel].multiplier;
    const bool pareto = s_.dropout == Dropout::pareto_nbd;
    const double dropout = pareto ? draw.gamma(s_.dropout_first) / s_.dropout_second
                                  : draw.beta(s_.dropout_first, s_.dropout_second);
    const double arrival = draw.uniform() * s_.arrivals;
    RandomStream spend(keys_.spend, stream);
    // A gamma of a tiny shape underflows to 0; amounts stay finite all the same.
    const double nu = std::max(spend.gamma(s_.q) / s_.gamma, 1e-290);

    const double first = s_.funnel ? prospect(events, stream, arrival) : arrival;
    double gone = kInfinity;
    std::int64_t orders = 0;
    if (first < horizon_) {
      gone = order(events, i, draw, first, rate, dropout);
      orders = std::count_if(events.begin(), events.end(),
                             [](const Event& e) { return e.kind == EventKind::order; });
      for (auto& e : events)
        if (e.kind == EventKind::order) e.amount = money(spend.gamma(s_.p) / nu, s_.scale);
      if (s_.refunds > 0.0) refund(events, stream);
      if (s_.visits > 0.0) visit(events, i, first, std::min(gone, horizon_), s_.visits * rate);
    }

    out_.arrival[i] = clock_.instant(arrival);
    out_.first_order[i] = clock_.instant(first);
    out_.channel[i] = static_cast<std::uint8_t>(channel);
    out_.rate[i] = rate;
    out_.dropout[i] = dropout;
    out_.dropout_time[i] = clock_.instant(gone);
    out_.mean_spend[i] = s_.p / nu;
    out_.orders[i] = orders;
    write(block);
  }

 private:
  /// What precedes the first order; its time, or infinity.
  double prospect(std::vector<Event>& events, std::uint64_t stream, double arrival) const {
    RandomStream draw(keys_.funnel, stream);
    const auto [lead, order, delay, visits] = *s_.funnel;
    double t = arrival;
    events.push_back({t, EventKind::visit, kNaN});
    while (t < horizon_ && draw.uniform() < visits / (1.0 + visits)) {
      t += delay * draw.exponential();
      events.push_back({t, EventKind::visit, kNaN});
      require(events.size() < kMaxEvents, "visits", visits, kTooMany);
    }
    if (draw.uniform() >= lead) return kInfinity;
    t += delay * draw.exponential();
    events.push_back({t, EventKind::lead, kNaN});
    if (draw.uniform() >= order) return kInfinity;
    return t + delay * draw.exponential();
  }

  /// The orders up to the horizon; returns when the customer drops out.
  double order(std::vector<Event>& events, std::int64_t i, RandomStream& draw, double first,
               double rate, double dropout) const {
    const bool pareto = s_.dropout == Dropout::pareto_nbd;
    double gone = pareto ? first + draw.exponential() / dropout : kInfinity;
    bool may_leave = s_.dropout == Dropout::mbg_nbd;
    for (double t = first; t < horizon_ && t < gone; t += draw.exponential() / rate) {
      events.push_back({t, EventKind::order, kNaN});
      if (events.size() >= kMaxEvents) throw InvalidInput("rate", i, rate, kTooMany);
      if (may_leave && draw.uniform() < dropout) return t;
      may_leave = !pareto;
    }
    return gone;
  }

  void refund(std::vector<Event>& events, std::uint64_t stream) const {
    RandomStream draw(keys_.refunds, stream);
    const auto so_far = events.size();
    for (std::size_t k = 0; k < so_far; ++k) {
      const Event e = events[k];
      if (e.kind != EventKind::order || draw.uniform() >= s_.refunds) continue;
      const double t = e.elapsed + s_.refund_delay * draw.exponential();
      events.push_back({t, EventKind::refund, -e.amount});
    }
  }

  void visit(std::vector<Event>& events, std::int64_t i, double from, double until,
             double rate) const {
    RandomStream draw(keys_.visits, static_cast<std::uint64_t>(i));
    for (double t = from + draw.exponential() / rate; t < until; t += draw.exponential() / rate) {
      events.push_back({t, EventKind::visit, kNaN});
      if (events.size() >= kMaxEvents) throw InvalidInput("visits", i, rate, kTooMany);
    }
  }

  void write(EventBlock& block) const {
    auto& rows = block.rows;
    rows.clear();
    for (const Event& e : block.scratch) {
      const std::int64_t time = clock_.instant(e.elapsed);
      if (time != kNever) rows.emplace_back(time, static_cast<std::uint8_t>(e.kind), e.amount);
    }
    // NaN amounts: only kinds without an amount have them, and those all do, so the order is
    // strict.
    std::sort(rows.begin(), rows.end(), [](const auto& x, const auto& y) {
      if (std::get<0>(x) != std::get<0>(y)) return std::get<0>(x) < std::get<0>(y);
      if (std::get<1>(x) != std::get<1>(y)) return std::get<1>(x) < std::get<1>(y);
      return std::get<2>(x) < std::get<2>(y);
    });
    block.count.push_back(static_cast<std::int64_t>(rows.size()));
    for (const auto& [time, kind, amount] : rows) {
      block.time.push_back(time);
      block.kind.push_back(kind);
      block.amount.push_back(amount);
    }
  }

  static constexpr const char* kTooMany = "so low that a customer has fewer than a million events";
  const Population& s_;
  const LogClock& clock_;
  const Keys& keys_;
  Customers& out_;
  double horizon_;
  std::vector<double> shares_;
};

/// The customer of every row.
Buffer<std::int64_t> repeat_customers(const std::vector<EventBlock>& blocks,
                                      const Execution& execution) {
  std::vector<std::int64_t> offset{0};
  for (const auto& b : blocks)
    offset.push_back(offset.back() + static_cast<std::int64_t>(b.time.size()));
  Buffer<std::int64_t> customer(offset.back());
  for_each_task(static_cast<std::int64_t>(blocks.size()), execution, [&](std::int64_t i) {
    std::int64_t* out = customer.data() + offset[i];
    std::int64_t id = i * kBlockCustomers;
    for (const std::int64_t count : blocks[i].count) out = std::fill_n(out, count, id++);
  });
  return customer;
}

}  // namespace

Base simulate_base(const Population& population, const Execution& execution) {
  require_valid(population);
  const std::int64_t n = population.customers;
  const LogClock clock(population.start, population.end, population.unit, population.whole_days,
                       population.timezone);
  const Keys keys(population.seed);
  Base base;
  base.customers = {Buffer<std::int64_t>(n), Buffer<std::int64_t>(n), Buffer<std::uint8_t>(n),
                    Buffer<double>(n),       Buffer<double>(n),       Buffer<std::int64_t>(n),
                    Buffer<double>(n),       Buffer<std::int64_t>(n)};
  const CustomerDraw draw(population, clock, keys, base.customers);
  auto blocks = draw_blocks<EventBlock>(n, execution, draw);
  base.events.customer = repeat_customers(blocks, execution);
  base.events.time = join(blocks, &EventBlock::time, execution);
  base.events.kind = join(blocks, &EventBlock::kind, execution);
  base.events.amount = join(blocks, &EventBlock::amount, execution);
  return base;
}

}  // namespace tenure::simulate
