#pragma once
#include <array>
#include <span>
#include <vector>

#include "reach.hpp"

namespace tenure::journey {

/// Which events serve which steps, one step an event: a matching that grows by augmenting paths.
/// [Kuhn 1955, Naval Research Logistics Quarterly 2:83-97]
class Assignment {
 public:
  void clear() { taken_ = 0; }

  /// Gives event `id` one of `steps`, moving others if need be; false, and nothing changed, if they
  /// cannot all be served.
  bool add(std::int32_t id, Steps steps) {
    if (const Steps free = steps & ~taken_) {
      const int k = std::countr_zero(free);
      give(k, id, steps);
      return true;
    }
    Steps tried = 0;
    return displace(id, steps, tried);
  }

 private:
  bool displace(std::int32_t id, Steps steps, Steps& tried) {
    while (const Steps left = steps & ~tried) {
      const int k = std::countr_zero(left);
      tried |= bit_of(k);
      const auto at = static_cast<std::size_t>(k);
      if (!(taken_ & bit_of(k)) || displace(owner_[at], wanted_[at], tried)) {
        give(k, id, steps);
        return true;
      }
    }
    return false;
  }

  void give(int k, std::int32_t id, Steps steps) {
    owner_[static_cast<std::size_t>(k)] = id;
    wanted_[static_cast<std::size_t>(k)] = steps;
    taken_ |= bit_of(k);
  }

  Steps taken_ = 0;
  std::array<std::int32_t, kMaxSteps> owner_{};
  std::array<Steps, kMaxSteps> wanted_{};  ///< steps that the owner may serve
};

/// Events of one instant.
class Instant {
 public:
  /// `own`: position of the event that must be step 1, or -1.
  Instant(std::span<const Item> items, const FunnelPlan& plan, std::ptrdiff_t own)
      : items_(items), plan_(&plan), own_(own) {
    for (const Item& i : items_) {
      steps_ |= i.steps;
      excluded_ = excluded_ || i.excluded;
      overlap_ = overlap_ || std::popcount(i.steps) > 1;
    }
  }

  std::int64_t time() const { return items_.front().time; }
  Steps steps() const { return steps_; }
  bool excluded() const { return excluded_; }

  /// Whether these steps can all be done here, by different events unless events may be reused.
  bool serve(Steps wanted) const {
    if (wanted & ~steps_) return false;
    if (plan_->increasing) return std::popcount(wanted) == 1;
    if (plan_->reuse || !overlap_) return true;
    if (std::popcount(wanted) == 1) return true;
    Assignment events;
    std::int32_t id = 0;
    const bool bound = own_ >= 0 && (wanted & 1);
    Steps left = bound ? wanted & ~Steps{1} : wanted;
    int served = 0;
    for (std::ptrdiff_t i = 0; i < std::ssize(items_); ++i) {
      if (bound && i == own_) continue;
      const Steps useful = items_[static_cast<std::size_t>(i)].steps & left;
      if (useful && events.add(id++, useful)) ++served;
      if (served == std::popcount(left)) return true;
    }
    return left == 0;
  }

  /// Whether a chain that takes some of `steps` here can leave no event of this instant out.
  bool cover(Steps steps) const {
    if (std::ssize(items_) == 1) return true;
    if (plan_->increasing || std::ssize(items_) > std::popcount(steps)) return false;
    Assignment events;
    for (std::ptrdiff_t i = 0; i < std::ssize(items_); ++i)
      if (!events.add(static_cast<std::int32_t>(i),
                      items_[static_cast<std::size_t>(i)].steps & steps))
        return false;
    return true;
  }

 private:
  std::span<const Item> items_;
  const FunnelPlan* plan_;
  std::ptrdiff_t own_;
  Steps steps_ = 0;
  bool excluded_ = false;
  bool overlap_ = false;
};

/// Calls body(first, last) for the items of each instant; stops when it returns false.
template <class Body>
void for_each_instant(std::span<const Item> items, const Execution& execution, const Body& body) {
  std::size_t first = 0;
  for (std::int64_t instant = 1; first < items.size(); ++instant) {
    if (instant % 4096 == 0) execution.poll();
    std::size_t last = first + 1;
    while (last < items.size() && items[last].time == items[first].time) ++last;
    if (!body(first, last)) return;
    first = last;
  }
}

}  // namespace tenure::journey
