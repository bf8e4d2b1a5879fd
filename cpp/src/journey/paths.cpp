#include "tenure/journey/paths.hpp"

#include <algorithm>
#include <string>

#include "path_trie.hpp"
#include "state_walk.hpp"
#include "tenure/events/scan.hpp"
#include "tenure/support/errors.hpp"
#include "tenure/support/select.hpp"

namespace tenure::journey {
namespace {

using Nodes = std::vector<std::int64_t>;

/// How the paths of a unit are found: every way down a trie from each visit on.
class Descent {
 public:
  Descent(const PathPlan& plan, const Execution& execution)
      : plan_(&plan), execution_(&execution) {}

  /// `step(node, state)` is the child or kAbsent, which ends the way; tell(node, first, last) is
  /// called for each path, with the positions of its first and last visit.
  template <class Step, class Tell>
  void operator()(const UnitVisits& unit, const Step& step, const Tell& tell) {
    const bool whole = plan_->kind == PathKind::whole, loop = plan_->kind == PathKind::loop;
    const std::int64_t n = unit.size();
    if (whole && (n < plan_->least || n > plan_->most)) return;
    for (std::int64_t i = 0; i < n && !(whole && i > 0); ++i) {
      const std::int32_t from = at(unit, i);
      if (!plan_->start.empty() && !plan_->start[static_cast<std::size_t>(from)]) continue;
      const std::int64_t end = plan_->most < n - i ? i + plan_->most : n;
      std::int32_t node = PathTrie::kRoot;
      for (std::int64_t j = i; j < end; ++j) {
        if ((++looked_ & 0xFFFF) == 0) execution_->poll();
        const std::int32_t state = at(unit, j);
        node = step(node, state);
        if (node == PathTrie::kAbsent) break;
        const bool back = j > i && state == from;
        const bool complete = whole ? j + 1 == n : loop ? back : true;
        if (complete && j - i + 1 >= plan_->least &&
            (plan_->end.empty() || plan_->end[static_cast<std::size_t>(state)]))
          tell(node, i, j);
        if (loop && back) break;
      }
    }
  }

 private:
  static std::int32_t at(const UnitVisits& unit, std::int64_t i) {
    return unit.state[static_cast<std::size_t>(i)];
  }

  const PathPlan* plan_;
  const Execution* execution_;
  std::int64_t looked_ = 0;
};

/// Paths of a range of customers, by node.
struct Counted {
  PathTrie trie;
  Nodes count, customers;
  std::int64_t units = 0, all_customers = 0;

  void cover() {
    count.resize(static_cast<std::size_t>(trie.size()), 0);
    customers.resize(count.size(), 0);
  }
};

class PathCount {
 public:
  PathCount(const events::EventLog& log, const StatePlan& states, const PathPlan& plan,
            const Execution& execution)
      : log_(log),
        states_(states),
        plan_(plan),
        execution_(execution),
        ranges_(events::scan_ranges(log)) {}

  Paths operator()() {
    std::vector<Counted> part(ranges_.size() - 1);
    for_each_task(std::ssize(part), execution_, [&](std::int64_t r) {
      part[static_cast<std::size_t>(r)] = counted(static_cast<std::size_t>(r));
    });
    Counted all = merged(part);
    Paths out;
    out.units = all.units;
    out.all_customers = all.all_customers;
    for (const std::int64_t n : all.count) {
      out.distinct += n > 0;
      out.total += n;
    }
    const std::vector<std::int32_t> best = most_frequent(all);
    out.median = medians(all.trie, best);
    out.offset.push_back(0);
    std::vector<std::int32_t> path;
    for (const std::int32_t node : best) {
      all.trie.path_of(node, path);
      out.state.insert(out.state.end(), path.begin(), path.end());
      out.offset.push_back(std::ssize(out.state));
      out.count.push_back(all.count[static_cast<std::size_t>(node)]);
      out.customers.push_back(all.customers[static_cast<std::size_t>(node)]);
    }
    return out;
  }

 private:
  template <class Tell>
  void walk(std::size_t range, const Tell& tell) const {
    StateWalk walk(log_, states_, execution_);
    for (std::int64_t c = ranges_[range]; c < ranges_[range + 1]; ++c) walk(log_[c], tell);
  }

  Counted counted(std::size_t range) const {
    Counted out;
    Nodes seen;  // by node: the last customer
    Descent descend(plan_, execution_);
    std::int64_t last_customer = -1;
    walk(range, [&](const UnitVisits& unit) {
      ++out.units;
      out.all_customers += unit.customer != last_customer;
      last_customer = unit.customer;
      descend(
          unit,
          [&](std::int32_t node, std::int32_t state) { return out.trie.find_or_add(node, state); },
          [&](std::int32_t node, std::int64_t, std::int64_t) {
            const auto at = static_cast<std::size_t>(node);
            if (at >= seen.size()) {
              seen.resize(static_cast<std::size_t>(out.trie.size()) * 2, -1);
              out.count.resize(seen.size(), 0);
              out.customers.resize(seen.size(), 0);
            }
            ++out.count[at];
            out.customers[at] += seen[at] != unit.customer;
            seen[at] = unit.customer;
          });
    });
    out.cover();
    return out;
  }

  Counted merged(std::vector<Counted>& part) const {
    Counted all;
    if (!part.empty()) all = std::move(part.front());
    all.cover();
    std::vector<std::int32_t> node;
    for (std::size_t r = 1; r < part.size(); ++r) {
      const Counted from = std::move(part[r]);  // freed as soon as it is in
      node.assign(static_cast<std::size_t>(from.trie.size()), PathTrie::kRoot);
      for (std::int64_t i = 1; i < from.trie.size(); ++i) {
        if ((i & 0xFFFF) == 0) execution_.poll();
        const auto child = static_cast<std::int32_t>(i);
        node[static_cast<std::size_t>(i)] = all.trie.find_or_add(
            node[static_cast<std::size_t>(from.trie.parent(child))], from.trie.code(child));
      }
      all.cover();
      for (std::size_t i = 1; i < node.size(); ++i) {
        const auto to = static_cast<std::size_t>(node[i]);
        all.count[to] += from.count[i];
        all.customers[to] += from.customers[i];
      }
      all.units += from.units;
      all.all_customers += from.all_customers;
    }
    return all;
  }

  /// In their order. A heap of the best so far, the worst of them on top.
  std::vector<std::int32_t> most_frequent(const Counted& all) const {
    std::vector<std::int32_t> heap, left, right;
    const auto better = [&](std::int32_t a, std::int32_t b) {
      const std::int64_t x = all.count[static_cast<std::size_t>(a)];
      const std::int64_t y = all.count[static_cast<std::size_t>(b)];
      if (x != y || a == b) return x > y;
      all.trie.path_of(a, left);
      all.trie.path_of(b, right);
      return left < right;
    };
    for (std::int64_t i = 1; i < all.trie.size(); ++i) {
      if ((i & 0x3FFF) == 0) execution_.poll();
      const auto node = static_cast<std::int32_t>(i);
      if (all.count[static_cast<std::size_t>(i)] == 0) continue;
      if (std::ssize(heap) == plan_.top) {
        if (!better(node, heap.front())) continue;
        std::pop_heap(heap.begin(), heap.end(), better);
        heap.pop_back();
      }
      heap.push_back(node);
      std::push_heap(heap.begin(), heap.end(), better);
    }
    std::sort_heap(heap.begin(), heap.end(), better);
    return heap;
  }

  std::vector<double> medians(const PathTrie& trie, const std::vector<std::int32_t>& best) const {
    constexpr std::int32_t kBesides = -1, kOnTheWay = -2;
    std::vector<std::int32_t> place(static_cast<std::size_t>(trie.size()), kBesides);
    for (std::size_t k = 0; k < best.size(); ++k)
      place[static_cast<std::size_t>(best[k])] = static_cast<std::int32_t>(k);
    for (const std::int32_t node : best)
      for (std::int32_t up = trie.parent(node); up != PathTrie::kAbsent; up = trie.parent(up)) {
        std::int32_t& p = place[static_cast<std::size_t>(up)];
        if (p == kBesides) p = kOnTheWay;
      }
    std::vector<std::vector<std::vector<double>>> part(ranges_.size() - 1);
    for_each_task(std::ssize(part), execution_, [&](std::int64_t r) {
      std::vector<std::vector<double>> time(best.size());
      Descent descend(plan_, execution_);
      walk(static_cast<std::size_t>(r), [&](const UnitVisits& unit) {
        descend(
            unit,
            [&](std::int32_t node, std::int32_t state) {
              const std::int32_t child = trie.find(node, state);
              return child == PathTrie::kAbsent ||
                             place[static_cast<std::size_t>(child)] == kBesides
                         ? PathTrie::kAbsent
                         : child;
            },
            [&](std::int32_t node, std::int64_t first, std::int64_t last) {
              const std::int32_t k = place[static_cast<std::size_t>(node)];
              if (k >= 0)
                time[static_cast<std::size_t>(k)].push_back(
                    static_cast<double>(unit.time[static_cast<std::size_t>(last)] -
                                        unit.time[static_cast<std::size_t>(first)]));
            });
      });
      part[static_cast<std::size_t>(r)] = std::move(time);
    });
    std::vector<double> out(best.size());
    for_each_task(std::ssize(best), execution_, [&](std::int64_t task) {
      const auto k = static_cast<std::size_t>(task);
      std::vector<double> time;
      for (const auto& p : part) time.insert(time.end(), p[k].begin(), p[k].end());
      out[k] = polled_quantile(time, 0.5, execution_);
    });
    return out;
  }

  const events::EventLog& log_;
  const StatePlan& states_;
  const PathPlan& plan_;
  const Execution& execution_;
  std::vector<std::int64_t> ranges_;
};

void require_flags(const std::vector<std::uint8_t>& flags, std::int32_t states, const char* name) {
  if (!flags.empty() && std::ssize(flags) != states)
    throw InvalidInput(name, -1, std::string("must have an entry for each state"));
}

}  // namespace

Paths paths(const events::EventLog& log, const StatePlan& states, const PathPlan& plan,
            const Execution& execution) {
  require_valid(log, states);
  if (plan.least < 1 || plan.most < plan.least)
    throw InvalidInput("steps", -1, static_cast<double>(plan.least), "1 <= least <= most");
  if (plan.top < 1) throw InvalidInput("top", -1, static_cast<double>(plan.top), ">= 1");
  require_flags(plan.start, states.states, "start");
  require_flags(plan.end, states.states, "end");
  return PathCount(log, states, plan, execution)();
}

}  // namespace tenure::journey
