#include "kmeans_sized.hpp"

#include <algorithm>
#include <cmath>
#include <functional>
#include <limits>
#include <utility>

#include "kmeans_scoring.hpp"

namespace tenure::segment::detail {
namespace {

/// The cheapest assignment with at least `least` counted rows in every cluster, by successive
/// shortest paths: it starts from the nearest centres, the cheapest of all, and hands one row after
/// another along the cheapest chain of clusters from one that can spare a row to one that lacks
/// one. Every step leaves the cheapest assignment for the lacks that remain, so the last one is
/// exact. [Bradley, Bennett & Demiriz 2000, MSR-TR-2000-65, eq. 4: the assignment; Ahuja, Magnanti
/// & Orlin 1993, section 9.7: the paths]
class Assigner {
 public:
  Assigner(const Buffer<double>& cost, const std::vector<std::uint8_t>& counted,
           std::int64_t clusters, std::int64_t least, const Execution& execution)
      : cost_(cost),
        counted_(counted),
        n_(std::ssize(counted)),
        k_(clusters),
        least_(least),
        execution_(execution) {}

  void solve(Buffer<std::int32_t>& label) {
    label_ = label.data();
    count_.assign(at(k_), 0);
    for (std::int64_t i = 0; i < n_; ++i) {
      const double* const of = cost_.data() + i * k_;
      label_[i] = static_cast<std::int32_t>(std::min_element(of, of + k_) - of);
      count_[at(label_[i])] += counted_[at(i)];
    }
    bool queued = false;
    for (std::int64_t step = 0;; ++step) {
      const auto lacking = std::ranges::find_if(count_, [&](std::int64_t c) { return c < least_; });
      if (lacking == count_.end()) return;
      if (step % 64 == 0) execution_.poll();
      if (!std::exchange(queued, true)) fill_queues();
      hand_over();
    }
  }

 private:
  using Offer = std::pair<double, std::int32_t>;  // what the inertia rises by, and the row

  static std::size_t at(std::int64_t i) { return static_cast<std::size_t>(i); }
  std::vector<Offer>& queue(std::int64_t from, std::int64_t to) {
    return queues_[at(from * k_ + to)];
  }
  Offer offer(std::int64_t row, std::int64_t from, std::int64_t to) const {
    return {cost_[row * k_ + to] - cost_[row * k_ + from], static_cast<std::int32_t>(row)};
  }

  void fill_queues() {
    queues_.assign(at(k_ * k_), {});
    for (std::int64_t i = 0; i < n_; ++i) {
      if (i % kBlockRows == 0) execution_.poll();
      for (std::int64_t to = 0; counted_[at(i)] && to < k_; ++to)
        if (to != label_[i]) queue(label_[i], to).push_back(offer(i, label_[i], to));
    }
    for (auto& q : queues_) {
      execution_.poll();
      std::ranges::make_heap(q, std::greater{});
    }
  }

  /// The cheapest row of `from` to hand to `to`; rows that left come up and are dropped.
  Offer cheapest(std::int64_t from, std::int64_t to) {
    auto& q = queue(from, to);
    while (!q.empty() && label_[q.front().second] != from) {
      std::ranges::pop_heap(q, std::greater{});
      q.pop_back();
    }
    return q.empty() ? Offer{std::numeric_limits<double>::infinity(), -1} : q.front();
  }

  void hand_over() {
    // Bellman-Ford: a step may lower the inertia of a chain, no circle of steps does.
    std::vector<double> price(at(k_), std::numeric_limits<double>::infinity());
    std::vector<std::int64_t> giver(at(k_), -1);
    std::vector<Offer> step(at(k_ * k_));
    for (std::int64_t from = 0; from < k_; ++from) {
      if (count_[at(from)] > least_) price[at(from)] = 0.0;
      for (std::int64_t to = 0; to < k_; ++to)
        if (to != from) step[at(from * k_ + to)] = cheapest(from, to);
    }
    bool better = true;
    for (std::int64_t round = 0; better && round < k_; ++round) {
      better = false;
      for (std::int64_t from = 0; from < k_; ++from)
        for (std::int64_t to = 0; to < k_; ++to) {
          const Offer& s = step[at(from * k_ + to)];
          if (to == from || s.second < 0 || !(price[at(from)] + s.first < price[at(to)])) continue;
          // Rounding may feign a circle that gains: a chain must not pass a cluster twice.
          if (passes(giver, from, to)) continue;
          price[at(to)] = price[at(from)] + s.first;
          giver[at(to)] = from;
          better = true;
        }
    }
    std::int64_t taker = -1;
    for (std::int64_t c = 0; c < k_; ++c)
      if (count_[at(c)] < least_ && (taker < 0 || price[at(c)] < price[at(taker)])) taker = c;
    ++count_[at(taker)];
    std::int64_t from = taker;
    while (giver[at(from)] >= 0) {
      const std::int64_t to = from;
      from = giver[at(to)];
      const std::int64_t row = step[at(from * k_ + to)].second;
      label_[row] = static_cast<std::int32_t>(to);
      for (std::int64_t next = 0; next < k_; ++next)
        if (next != to) {
          queue(to, next).push_back(offer(row, to, next));
          std::ranges::push_heap(queue(to, next), std::greater{});
        }
    }
    --count_[at(from)];
  }

  static bool passes(const std::vector<std::int64_t>& giver, std::int64_t from, std::int64_t what) {
    for (; from >= 0; from = giver[at(from)])
      if (from == what) return true;
    return false;
  }

  const Buffer<double>& cost_;
  const std::vector<std::uint8_t>& counted_;
  std::int64_t n_, k_, least_;
  const Execution& execution_;
  std::int32_t* label_ = nullptr;
  std::vector<std::int64_t> count_;
  std::vector<std::vector<Offer>> queues_;  // from x to, heaps with the cheapest offer in front
};

/// weight x squared distance of each row to each shifted centre; without the weight where it is 0,
/// so that such a row, too, has a nearest centre.
template <class T>
void fill_costs(const Frame<T>& frame, const std::vector<double>& centre, std::int64_t k,
                const Execution& execution, Buffer<double>& cost) {
  const std::int64_t d = frame.points().features;
  for_each_block(frame.points().rows(), for_work(execution, frame.points().rows(), k * d),
                 [&](std::int64_t, std::int64_t first, std::int64_t last) {
                   in_pieces(
                       first, last, d, k * d, execution, [&](std::int64_t from, std::int64_t to) {
                         for (std::int64_t i = from; i < to; ++i)
                           for (std::int64_t c = 0; c < k; ++c) {
                             double sum = 0.0;
                             for (std::int64_t j = 0; j < d; ++j) {
                               const double gap = static_cast<double>(frame.cell(i, j)) -
                                                  centre[static_cast<std::size_t>(c * d + j)];
                               sum += gap * gap;
                             }
                             cost[i * k + c] = frame.weight(i) > 0.0 ? frame.weight(i) * sum : sum;
                           }
                       });
                 });
}

}  // namespace

template <class T>
KMeansResult<T> run_sized(const Frame<T>& frame, const KMeansSettings& settings, double tolerance,
                          std::vector<double> centre, const Execution& execution) {
  const std::int64_t n = frame.points().rows();
  const std::int64_t d = frame.points().features;
  const std::int64_t k = settings.clusters;
  std::vector<std::uint8_t> counted(static_cast<std::size_t>(n));
  for (std::int64_t i = 0; i < n; ++i) counted[static_cast<std::size_t>(i)] = frame.weight(i) > 0.0;
  Buffer<double> cost(n * k);
  Assigner assigner(cost, counted, k, settings.least_rows, execution);
  KMeansResult<T> result{{}, Buffer<std::int32_t>(n), 0.0, 0, false, k};
  std::ranges::fill(result.label.span(), -1);
  std::vector<std::int32_t> before(static_cast<std::size_t>(n), -1);
  while (!result.converged && result.iterations < settings.max_iterations) {
    ++result.iterations;
    fill_costs(frame, centre, k, execution, cost);
    assigner.solve(result.label);
    std::vector<double> next(centre.size()), weight(static_cast<std::size_t>(k));
    for (std::int64_t i = 0; i < n; ++i) {
      const std::int64_t c = result.label[i];
      weight[static_cast<std::size_t>(c)] += frame.weight(i);
      for (std::int64_t j = 0; j < d; ++j)
        next[static_cast<std::size_t>(c * d + j)] +=
            frame.weight(i) * static_cast<double>(frame.cell(i, j));
    }
    double shift = 0.0;
    for (std::size_t i = 0; i < next.size(); ++i) {
      next[i] /= weight[i / static_cast<std::size_t>(d)];
      shift += (next[i] - centre[i]) * (next[i] - centre[i]);
    }
    centre = std::move(next);
    result.converged = std::ranges::equal(result.label.span(), before) || shift <= tolerance;
    std::ranges::copy(result.label.span(), before.begin());
  }
  for (std::size_t i = 0; i < centre.size(); ++i) {
    result.centre.push_back(
        static_cast<T>(centre[i] + frame.shift(static_cast<std::int64_t>(i) % d)));
    centre[i] =
        static_cast<double>(result.centre.back()) - frame.shift(static_cast<std::int64_t>(i) % d);
  }
  fill_costs(frame, centre, k, execution, cost);
  assigner.solve(result.label);
  for (std::int64_t i = 0; i < n; ++i)
    if (counted[static_cast<std::size_t>(i)]) result.inertia += cost[i * k + result.label[i]];
  return result;
}

template KMeansResult<float> run_sized(const Frame<float>&, const KMeansSettings&, double,
                                       std::vector<double>, const Execution&);
template KMeansResult<double> run_sized(const Frame<double>&, const KMeansSettings&, double,
                                        std::vector<double>, const Execution&);

}  // namespace tenure::segment::detail
