#include <algorithm>

#include "k_prototypes_kernels.hpp"

namespace tenure::segment::detail {
namespace {

/// Clusters that change with every row that moves.
class Moving {
 public:
  explicit Moving(const MixedProblem& problem)
      : p_(problem),
        k_(problem.clusters),
        d_(problem.rows.numbers),
        columns_(problem.rows.categories()),
        sum_(static_cast<std::size_t>(k_ * d_)),
        weight_(static_cast<std::size_t>(k_)),
        members_(static_cast<std::size_t>(k_)) {
    for (const std::int64_t l : problem.rows.levels) {
      offset_.push_back(levels_);
      levels_ += l;
    }
    count_.resize(static_cast<std::size_t>(k_ * levels_));
  }

  void add(std::int64_t row, std::int64_t c, double sign) {
    const double w = sign * p_.weight(row);
    weight_[index(c)] += w;
    members_[index(c)] += sign > 0.0 ? 1 : -1;
    for (std::int64_t j = 0; j < d_; ++j)
      sum_[index(c * d_ + j)] += w * (p_.number(row)[j] - p_.mean[index(j)]);
    for (std::int64_t m = 0; m < columns_; ++m) count(c, m, p_.code(row)[m]) += w;
  }

  /// A cluster without weight keeps its place.
  void renew(Prototypes& prototypes, std::int64_t c) const {
    renew_centre(prototypes, c);
    for (std::int64_t m = 0; m < columns_ && weight_[index(c)] > 0.0; ++m)
      prototypes.mode[index(c * columns_ + m)] = heaviest(c, m);
  }

  /// After one row: a category that gained is a mode only where it is now heavier than the old one,
  /// and a mode that lost is looked for anew only where it lost.
  void move(std::int64_t row, std::int64_t from, std::int64_t to, Prototypes& prototypes) {
    add(row, to, 1.0);
    add(row, from, -1.0);
    renew_centre(prototypes, from);
    renew_centre(prototypes, to);
    for (std::int64_t m = 0; m < columns_; ++m) {
      const std::int32_t code = p_.code(row)[m];
      std::int32_t& gained = prototypes.mode[index(to * columns_ + m)];
      if (count(to, m, code) > count(to, m, gained)) gained = code;
      std::int32_t& lost = prototypes.mode[index(from * columns_ + m)];
      if (lost == code) lost = heaviest(from, m);
    }
  }
  bool last_member(std::int64_t c) const { return members_[index(c)] == 1; }

 private:
  static std::size_t index(std::int64_t i) { return static_cast<std::size_t>(i); }
  double& count(std::int64_t c, std::int64_t m, std::int32_t code) {
    return count_[index(c * levels_ + offset_[index(m)] + code)];
  }
  std::int32_t heaviest(std::int64_t c, std::int64_t m) const {
    const auto first = count_.begin() + c * levels_ + offset_[index(m)];
    return static_cast<std::int32_t>(std::max_element(first, first + p_.rows.levels[index(m)]) -
                                     first);
  }
  void renew_centre(Prototypes& prototypes, std::int64_t c) const {
    if (!(weight_[index(c)] > 0.0)) return;
    for (std::int64_t j = 0; j < d_; ++j)
      prototypes.centre[index(c * d_ + j)] =
          p_.mean[index(j)] + sum_[index(c * d_ + j)] / weight_[index(c)];
  }

  const MixedProblem& p_;
  std::int64_t k_, d_, columns_, levels_ = 0;
  std::vector<std::int64_t> offset_;
  std::vector<double> sum_, count_, weight_;
  std::vector<std::int64_t> members_;
};

std::int32_t nearest_of(const MixedProblem& p, const Prototypes& prototypes, std::int64_t row,
                        double* distance) {
  const std::int64_t d = p.rows.numbers, columns = p.rows.categories();
  const double* centre = prototypes.centre.data();
  const std::int32_t* mode = prototypes.mode.data();
  std::int32_t at = 0;
  for (std::int64_t c = 0; c < p.clusters; ++c, centre += d, mode += columns) {
    double sum = 0.0;
    for (std::int64_t j = 0; j < d; ++j) {
      const double gap = p.number(row)[j] - centre[j];
      sum += gap * gap;
    }
    for (std::int64_t m = 0; m < columns; ++m) sum += p.code(row)[m] != mode[m] ? p.gamma : 0.0;
    if (c == 0 || sum < *distance) {
      *distance = sum;
      at = static_cast<std::int32_t>(c);
    }
  }
  return at;
}

}  // namespace

void huang_run(const MixedProblem& problem, KPrototypesResult& result) {
  constexpr std::int64_t kPolledRows = 1024;
  const std::int64_t n = problem.rows.rows;
  Prototypes& prototypes = result.prototypes;
  Moving clusters(problem);
  std::vector<std::int32_t> label(static_cast<std::size_t>(n));
  double distance = 0.0;
  const auto cost = [&] {
    double sum = 0.0;
    for (std::int64_t i = 0; i < n; ++i) {
      if (i % kPolledRows == 0) problem.execution.poll();
      nearest_of(problem, prototypes, i, &distance);
      sum += problem.weight(i) * distance;
    }
    return sum;
  };

  for (std::int64_t i = 0; i < n; ++i) {
    if (i % kPolledRows == 0) problem.execution.poll();
    label[static_cast<std::size_t>(i)] = nearest_of(problem, prototypes, i, &distance);
    clusters.add(i, label[static_cast<std::size_t>(i)], 1.0);
  }
  for (std::int64_t c = 0; c < problem.clusters; ++c) clusters.renew(prototypes, c);

  double before = cost();
  while (!result.converged && result.iterations < problem.max_iterations) {
    ++result.iterations;
    std::int64_t moves = 0;
    for (std::int64_t i = 0; i < n; ++i) {
      if (i % kPolledRows == 0) problem.execution.poll();
      std::int32_t& own = label[static_cast<std::size_t>(i)];
      const std::int32_t to = nearest_of(problem, prototypes, i, &distance);
      if (to == own || clusters.last_member(own)) continue;
      clusters.move(i, own, to, prototypes);
      own = to;
      ++moves;
    }
    const double now = cost();
    result.converged = moves == 0 || now >= before;
    before = now;
  }
}

}  // namespace tenure::segment::detail
