#include "tenure/lifecycle/movement.hpp"

#include <cmath>
#include <limits>

#include "tenure/lifecycle/panel.hpp"
#include "tenure/support/errors.hpp"
#include "tenure/support/parallel.hpp"

namespace tenure::lifecycle {
namespace {

constexpr double kNan = std::numeric_limits<double>::quiet_NaN();

std::int64_t dates_of(const PanelCodes& panel) {
  if (panel.stages < 1 || panel.stages > 250)
    throw InvalidInput("stages", -1, static_cast<double>(panel.stages), "from 1 to 250");
  const std::int64_t dates = panel.customers > 0 ? std::ssize(panel.codes) / panel.customers : 0;
  if (panel.customers < 1 || dates * panel.customers != std::ssize(panel.codes))
    throw InvalidInput("codes", -1, static_cast<double>(panel.codes.size()), "dates x customers");
  if (dates < 2) throw InvalidInput("at", -1, static_cast<double>(dates), "at least two dates");
  return dates;
}

/// Reads the state of a customer: a stage, or `stages` for outside.
std::size_t state_at(const PanelCodes& panel, std::int64_t date, std::int64_t customer) {
  const std::int64_t place = date * panel.customers + customer;
  const std::uint8_t code = panel.codes[static_cast<std::size_t>(place)];
  if (code == kUnknown) return static_cast<std::size_t>(panel.stages);
  if (code >= panel.stages) throw InvalidInput("codes", place, code, "below the number of stages");
  return code;
}

template <class T>
void add(std::vector<T>& total, const std::vector<T>& more) {
  for (std::size_t i = 0; i < total.size(); ++i) total[i] += more[i];
}

struct Moves : MoveCounts {
  Moves(std::size_t periods, std::size_t states) {
    counts.resize(periods * states * states);
    for (auto* by_pair : {&squares, &products}) by_pair->resize(states * states);
    for (auto* by_state : {&movers, &row_squares, &runs, &run_periods}) by_state->resize(states);
  }
  Moves& operator+=(const Moves& more) {
    add(counts, more.counts);
    add(movers, more.movers);
    add(squares, more.squares);
    add(products, more.products);
    add(row_squares, more.row_squares);
    add(runs, more.runs);
    add(run_periods, more.run_periods);
    return *this;
  }
};

/// The moves of one customer at a time; only what a customer touched is cleared again.
class CustomerMoves {
 public:
  CustomerMoves(const PanelCodes& panel, std::int64_t dates)
      : panel_(&panel),
        dates_(dates),
        states_(static_cast<std::size_t>(panel.stages) + 1),
        cell_(states_ * states_),
        row_(states_) {}

  void add(std::int64_t customer, Moves& into) {
    std::size_t from = state_at(*panel_, 0, customer);
    std::int64_t stay = 1;
    bool seen_from_start = false;  // a stay that began before the first date has no known length
    for (std::int64_t d = 1; d < dates_; ++d) {
      const std::size_t to = state_at(*panel_, d, customer);
      if (from + 1 != states_ || to != from) {
        const std::size_t pair = from * states_ + to;
        ++into.counts[static_cast<std::size_t>(d - 1) * states_ * states_ + pair];
        if (cell_[pair]++ == 0) touched_.push_back(pair);
        ++row_[from];
      }
      if (to == from) {
        ++stay;
        continue;
      }
      if (seen_from_start) {
        ++into.runs[from];
        into.run_periods[from] += stay;
      }
      seen_from_start = true;
      stay = 1;
      from = to;
    }
    for (const std::size_t pair : touched_) {
      into.squares[pair] += cell_[pair] * cell_[pair];
      into.products[pair] += cell_[pair] * row_[pair / states_];
    }
    for (const std::size_t pair : touched_) {
      std::int64_t& left = row_[pair / states_];
      into.movers[pair / states_] += left > 0;
      into.row_squares[pair / states_] += left * left;
      left = 0;
      cell_[pair] = 0;
    }
    touched_.clear();
  }

 private:
  const PanelCodes* panel_;
  std::int64_t dates_;
  std::size_t states_;
  std::vector<std::int64_t> cell_, row_;
  std::vector<std::size_t> touched_;
};

struct Sums {
  std::vector<std::int64_t> rows, members;
  std::vector<double> first, second;

  explicit Sums(std::size_t states)
      : rows(states), members(states), first(states), second(states) {}
  Sums& operator+=(const Sums& more) {
    add(rows, more.rows);
    add(members, more.members);
    add(first, more.first);
    add(second, more.second);
    return *this;
  }
};

/// Calls row(state, revenue) for each period of a customer; who is outside at both of its ends has
/// none, and who is born in it counts for the last state.
template <class Row>
void walk_revenue(const PanelCodes& panel, std::span<const double> revenue, std::int64_t dates,
                  std::int64_t customer, const Row& row) {
  const auto outside = static_cast<std::size_t>(panel.stages);
  std::size_t from = state_at(panel, 0, customer);
  for (std::int64_t d = 0; d + 1 < dates; ++d) {
    const std::size_t to = state_at(panel, d + 1, customer);
    const std::int64_t place = d * panel.customers + customer;
    const double value = revenue[static_cast<std::size_t>(place)];
    if (!std::isfinite(value)) throw InvalidInput("revenue", place, value, "finite");
    if (from != outside || to != outside) row(from, value);
    from = to;
  }
}

}  // namespace

MoveCounts count_moves(const PanelCodes& panel, const Execution& execution) {
  const std::int64_t dates = dates_of(panel);
  const auto periods = static_cast<std::size_t>(dates - 1);
  const auto states = static_cast<std::size_t>(panel.stages) + 1;
  return block_reduce(panel.customers, execution, Moves(periods, states),
                      [&](std::int64_t first, std::int64_t last) {
                        Moves moves(periods, states);
                        CustomerMoves customer(panel, dates);
                        for (std::int64_t c = first; c < last; ++c) customer.add(c, moves);
                        return moves;
                      });
}

StageValues stage_values(const PanelCodes& panel, std::span<const double> revenue,
                         const Execution& execution) {
  const std::int64_t dates = dates_of(panel);
  if (std::ssize(revenue) != (dates - 1) * panel.customers)
    throw InvalidInput("revenue", -1, static_cast<double>(revenue.size()), "periods x customers");
  const auto states = static_cast<std::size_t>(panel.stages) + 1;
  const Sums sums = block_reduce(
      panel.customers, execution, Sums(states), [&](std::int64_t first, std::int64_t last) {
        Sums s(states);
        std::vector<std::int64_t> last_member(states, -1);
        for (std::int64_t c = first; c < last; ++c)
          walk_revenue(panel, revenue, dates, c, [&](std::size_t state, double value) {
            ++s.rows[state];
            s.members[state] += std::exchange(last_member[state], c) != c;
            s.first[state] += value;
          });
        return s;
      });
  StageValues v{sums.rows, sums.members, {}, {}, {}};
  for (std::size_t i = 0; i < states; ++i)
    v.mean.push_back(v.rows[i] > 0 ? sums.first[i] / static_cast<double>(v.rows[i]) : kNan);
  // About the mean: sums of squares would cancel where revenue is large and alike.
  const Sums about = block_reduce(
      panel.customers, execution, Sums(states), [&](std::int64_t first, std::int64_t last) {
        Sums s(states);
        std::vector<double> of_customer(states);
        for (std::int64_t c = first; c < last; ++c) {
          walk_revenue(panel, revenue, dates, c, [&](std::size_t state, double value) {
            const double residual = value - v.mean[state];
            of_customer[state] += residual;
            s.first[state] += residual * residual;
          });
          for (std::size_t i = 0; i < states; ++i) {
            const double sum = std::exchange(of_customer[i], 0.0);
            s.second[i] += sum * sum;
          }
        }
        return s;
      });
  for (std::size_t i = 0; i < states; ++i) {
    const double n = static_cast<double>(v.rows[i]), m = static_cast<double>(v.members[i]);
    v.error.push_back(m > 1.0 ? std::sqrt(about.second[i] * m / (m - 1.0)) / n : kNan);
    v.spread.push_back(n > 1.0 ? std::sqrt(about.first[i] / (n - 1.0)) : kNan);
  }
  return v;
}

}  // namespace tenure::lifecycle
