#include "tenure/segment/gaussian_mixture_information.hpp"

#include <Eigen/Cholesky>
#include <Eigen/Core>
#include <cmath>
#include <limits>
#include <utility>
#include <vector>

#include "gaussian_mixture_state.hpp"
#include "tenure/support/errors.hpp"

namespace tenure::segment {
namespace {

using namespace detail;
using Eigen::Index;
using Eigen::MatrixXd;
using Eigen::VectorXd;
using RowMatrix = Eigen::Matrix<double, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;

constexpr Index kMostParameters = 2000;
constexpr std::int64_t kBatch = 32;

/// Where the parameters lie: logarithms of the weights but the last, means by component, and
/// covariances by component or shared. Means and covariances are counted in each component's own
/// coordinates, in which its covariance is I + E: mean first, then E by rows of its lower triangle,
/// its diagonal, or the one factor that all share.
class Layout {
 public:
  explicit Layout(const GaussianMixture& m) : shape(m.shape), features(m.features) {
    for (std::int64_t k = 0; k < m.components; ++k)
      if (m.weight[static_cast<std::size_t>(k)] > 0.0) active.push_back(k);
    shape_size = shape == CovarianceShape::spherical  ? 1
                 : shape == CovarianceShape::diagonal ? features
                                                      : features * (features + 1) / 2;
  }

  Index components() const { return std::ssize(active); }
  Index local() const { return features + shape_size; }
  Index mean_at(Index c) const { return components() - 1 + c * features; }
  Index shape_at(Index c) const {
    return mean_at(components()) + (shape == CovarianceShape::tied ? 0 : c * shape_size);
  }
  Index size() const {
    return shape_at(shape == CovarianceShape::tied ? 0 : components() - 1) + shape_size;
  }
  /// Place of local parameter i of component c among all.
  Index place(Index c, Index i) const {
    return i < features ? mean_at(c) + i : shape_at(c) + i - features;
  }

  CovarianceShape shape;
  Index features;
  Index shape_size;
  std::vector<std::int64_t> active;
};

struct ScoreSums {
  MatrixXd outer;               // sum w s s', lower triangle
  std::vector<MatrixXd> local;  // by component: sum w r s_k s_k', lower triangle
  std::vector<VectorXd> first;  // by component: sum w r s_k
  VectorXd held;                // by component: sum w r

  explicit ScoreSums(const Layout& layout)
      : outer(MatrixXd::Zero(layout.size(), layout.size())),
        local(static_cast<std::size_t>(layout.components()),
              MatrixXd::Zero(layout.local(), layout.local())),
        first(static_cast<std::size_t>(layout.components()), VectorXd::Zero(layout.local())),
        held(VectorXd::Zero(layout.components())) {}

  ScoreSums& operator+=(const ScoreSums& other) {
    outer += other.outer;
    for (std::size_t c = 0; c < local.size(); ++c) {
      local[c] += other.local[c];
      first[c] += other.first[c];
    }
    held += other.held;
    return *this;
  }
};

/// Scores of a component's own parameters at y = U'(x - m).
void local_score(const Layout& layout, const VectorXd& y, Eigen::Ref<VectorXd> to) {
  const Index d = layout.features;
  to.head(d) = y;
  if (layout.shape == CovarianceShape::spherical) {
    to(d) = 0.5 * (y.squaredNorm() - static_cast<double>(d));
    return;
  }
  Index at = d;
  for (Index a = 0; a < d; ++a) {
    if (layout.shape != CovarianceShape::diagonal)
      for (Index b = 0; b < a; ++b) to(at++) = y(a) * y(b);
    to(at++) = 0.5 * (y(a) * y(a) - 1.0);
  }
}

class Scores {
 public:
  Scores(const Points<double>& points, const GaussianMixture& mixture, const Layout& layout)
      : points_(points), mixture_(mixture), layout_(layout) {
    const Index d = layout.features;
    for (const std::int64_t k : layout.active) {
      mean_.push_back(Eigen::Map<const VectorXd>(mixture.mean.data() + k * d, d));
      const double* const u = mixture.precision_cholesky.data();
      switch (layout.shape) {
        case CovarianceShape::full:
          factor_.push_back(Eigen::Map<const RowMatrix>(u + k * d * d, d, d));
          break;
        case CovarianceShape::tied:
          factor_.push_back(Eigen::Map<const RowMatrix>(u, d, d));
          break;
        case CovarianceShape::diagonal:
          factor_.push_back(Eigen::Map<const VectorXd>(u + k * d, d).asDiagonal().toDenseMatrix());
          break;
        case CovarianceShape::spherical:
          factor_.push_back(u[k] * MatrixXd::Identity(d, d));
          break;
      }
    }
  }

  /// The inverse of U': x = m + L y.
  MatrixXd lower(Index c) const {
    const Index d = layout_.features;
    return factor_[static_cast<std::size_t>(c)].transpose().triangularView<Eigen::Lower>().solve(
        MatrixXd::Identity(d, d));
  }

  ScoreSums of(std::int64_t first, std::int64_t last, const double* responsibility,
               const Execution& execution) const {
    ScoreSums sums(layout_);
    const Index k = layout_.components();
    VectorXd y(layout_.features);
    for (std::int64_t from = first; from < last; from += kBatch) {
      execution.poll();
      const Index n = std::min(kBatch, last - from);
      MatrixXd score = MatrixXd::Zero(layout_.size(), n);
      std::vector<MatrixXd> own(static_cast<std::size_t>(k), MatrixXd(layout_.local(), n));
      for (Index i = 0; i < n; ++i) {
        const std::int64_t row = from + i;
        const double w = points_.weight ? (*points_.weight)[static_cast<std::size_t>(row)] : 1.0;
        const Eigen::Map<const VectorXd> x(points_.values.data() + row * layout_.features,
                                           layout_.features);
        for (Index c = 0; c < k; ++c) {
          const auto slot = static_cast<std::size_t>(c);
          const std::int64_t name = layout_.active[slot];
          const double r = responsibility[row * mixture_.components + name];
          y.noalias() = factor_[slot].transpose() * (x - mean_[slot]);
          auto local = own[slot].col(i);
          local_score(layout_, y, local);
          // A row that is none of this component's: its y may be too large to square.
          if (r == 0.0) local.setZero();
          if (c < k - 1) score(c, i) = r - mixture_.weight[static_cast<std::size_t>(name)];
          for (Index j = 0; j < layout_.local(); ++j) score(layout_.place(c, j), i) += r * local(j);
          sums.held(c) += w * r;
          sums.first[slot] += w * r * local;
          local *= std::sqrt(w * r);
        }
        score.col(i) *= std::sqrt(w);
      }
      sums.outer.selfadjointView<Eigen::Lower>().rankUpdate(score);
      for (std::size_t c = 0; c < own.size(); ++c)
        sums.local[c].selfadjointView<Eigen::Lower>().rankUpdate(own[c]);
    }
    return sums;
  }

 private:
  const Points<double>& points_;
  const GaussianMixture& mixture_;
  const Layout& layout_;
  std::vector<VectorXd> mean_;
  std::vector<MatrixXd> factor_;  // U
};

/// A basis matrix E of the covariances as the places of its ones.
std::vector<std::pair<Index, Index>> ones(const Layout& layout, Index parameter) {
  std::vector<std::pair<Index, Index>> at;
  if (layout.shape == CovarianceShape::spherical) {
    for (Index a = 0; a < layout.features; ++a) at.emplace_back(a, a);
  } else if (layout.shape == CovarianceShape::diagonal) {
    at.emplace_back(parameter, parameter);
  } else {
    Index a = 0;
    while ((a + 1) * (a + 2) / 2 <= parameter) ++a;
    const Index b = parameter - a * (a + 1) / 2;
    at.emplace_back(a, b);
    if (a != b) at.emplace_back(b, a);
  }
  return at;
}

/// sum_i w_i r_i B_i of one component, from its sums of r, r y and r y y'. The log-density of
/// I + E and a mean of mu is -log|I + E|/2 - (y - mu)'(I + E)^-1 (y - mu)/2; to second order its
/// parts are -|mu|^2/2, -mu'E y and tr(E E)/4 - tr(E E y y')/2.
MatrixXd curvature(const Layout& layout, double held, const VectorXd& first) {
  const Index d = layout.features;
  const Index q = layout.shape_size;
  std::vector<std::vector<std::pair<Index, Index>>> basis;
  for (Index p = 0; p < q; ++p) basis.push_back(ones(layout, p));
  MatrixXd second = MatrixXd::Zero(d, d);  // sum w r y y', as far as the shape needs it
  if (layout.shape == CovarianceShape::spherical) {
    // Only its trace is known, and only its trace is needed.
    second.diagonal().setConstant(2.0 * first(d) / static_cast<double>(d) + held);
  } else {
    for (Index p = 0; p < q; ++p)
      for (const auto& [a, b] : basis[static_cast<std::size_t>(p)])
        second(a, b) = a == b ? 2.0 * first(d + p) + held : first(d + p);
  }

  MatrixXd of = MatrixXd::Zero(d + q, d + q);
  of.topLeftCorner(d, d).diagonal().setConstant(held);
  for (Index p = 0; p < q; ++p) {
    const auto& own = basis[static_cast<std::size_t>(p)];
    for (const auto& [a, b] : own) of(d + p, a) += first(b);
    for (Index o = 0; o <= p; ++o) {
      double sum = 0.0;
      for (const auto& [i, j] : own)
        for (const auto& [a, b] : basis[static_cast<std::size_t>(o)])
          if (j == a) sum += second(b, i) - (i == b ? 0.5 * held : 0.0);
      of(d + p, d + o) = sum;
    }
  }
  return of.selfadjointView<Eigen::Lower>();
}

MatrixXd information(const Layout& layout, const GaussianMixture& mixture, const ScoreSums& sums) {
  const Index k = layout.components();
  MatrixXd total = sums.outer.selfadjointView<Eigen::Lower>();
  VectorXd weight(k);
  for (Index c = 0; c < k; ++c)
    weight(c) =
        mixture.weight[static_cast<std::size_t>(layout.active[static_cast<std::size_t>(c)])];
  const Index logs = k - 1;
  total.topLeftCorner(logs, logs) +=
      sums.held.sum() *
      (MatrixXd(weight.asDiagonal()) - weight * weight.transpose()).topLeftCorner(logs, logs);
  for (Index c = 0; c < k; ++c) {
    const auto slot = static_cast<std::size_t>(c);
    VectorXd log_score = -weight;
    log_score(c) += 1.0;
    total.topLeftCorner(logs, logs) -=
        sums.held(c) * (log_score * log_score.transpose()).topLeftCorner(logs, logs);
    const MatrixXd own = curvature(layout, sums.held(c), sums.first[slot]) -
                         MatrixXd(sums.local[slot].selfadjointView<Eigen::Lower>());
    for (Index i = 0; i < layout.local(); ++i) {
      const Index at = layout.place(c, i);
      for (Index j = 0; j < layout.local(); ++j) total(at, layout.place(c, j)) += own(i, j);
      for (Index j = 0; j < logs; ++j) {
        total(at, j) -= log_score(j) * sums.first[slot](i);
        total(j, at) -= log_score(j) * sums.first[slot](i);
      }
    }
  }
  return total;
}

}  // namespace

GaussianMixtureErrors gaussian_mixture_errors(const Points<double>& points,
                                              const GaussianMixture& mixture, bool robust,
                                              const Execution& execution) {
  const GaussianMixtureRows rows =
      gaussian_mixture_rows(points, mixture, {.responsibility = true}, execution);
  const Layout layout(mixture);
  const Index p = layout.size();
  if (p > kMostParameters)
    throw InvalidInput("n_components", -1, static_cast<double>(p),
                       "few enough for standard errors: at most 2,000 parameters in all");
  const Scores scores(points, mixture, layout);
  // Few blocks, as each holds p x p sums.
  const std::int64_t block =
      std::max(kBlockRows, (points.rows() / 16 + kBatch - 1) / kBatch * kBatch);
  const ScoreSums sums = block_reduce(
      points.rows(), for_work(execution, points.rows(), p * p), ScoreSums(layout),
      [&](std::int64_t first, std::int64_t last) {
        return scores.of(first, last, rows.responsibility.data(), execution);
      },
      block);

  constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();
  GaussianMixtureErrors errors{
      std::vector<double>(static_cast<std::size_t>(mixture.components), kNaN),
      std::vector<double>(static_cast<std::size_t>(mixture.components * mixture.features), kNaN),
      false};
  const Eigen::LLT<MatrixXd> factor(information(layout, mixture, sums));
  if (factor.info() != Eigen::Success) return errors;
  MatrixXd covariance = factor.solve(MatrixXd::Identity(p, p));
  if (robust)
    covariance =
        (covariance * MatrixXd(sums.outer.selfadjointView<Eigen::Lower>()) * covariance).eval();
  if (!covariance.allFinite()) return errors;
  errors.identified = true;

  const Index k = layout.components();
  VectorXd weight(k);
  for (Index c = 0; c < k; ++c)
    weight(c) =
        mixture.weight[static_cast<std::size_t>(layout.active[static_cast<std::size_t>(c)])];
  for (Index c = 0; c < k; ++c) {
    const std::int64_t name = layout.active[static_cast<std::size_t>(c)];
    VectorXd slope = -weight(c) * weight;  // d weight_c / d log weights
    slope(c) += weight(c);
    const auto logs = slope.head(k - 1);
    errors.weight[static_cast<std::size_t>(name)] =
        std::sqrt(std::max(0.0, logs.dot(covariance.topLeftCorner(k - 1, k - 1) * logs)));
    const Index d = layout.features;
    const MatrixXd lower = scores.lower(c);
    const MatrixXd of =
        lower * covariance.block(layout.mean_at(c), layout.mean_at(c), d, d) * lower.transpose();
    for (Index j = 0; j < d; ++j)
      errors.mean[static_cast<std::size_t>(name * d + j)] = std::sqrt(of(j, j));
  }
  return errors;
}

}  // namespace tenure::segment
