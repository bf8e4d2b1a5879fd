#include "gaussian_mixture_state.hpp"

#include <Eigen/Cholesky>
#include <Eigen/Core>
#include <algorithm>
#include <cmath>
#include <numbers>

namespace tenure::segment {

std::int64_t covariance_size(CovarianceShape shape, std::int64_t components,
                             std::int64_t features) {
  switch (shape) {
    case CovarianceShape::full:
      return components * features * features;
    case CovarianceShape::tied:
      return features * features;
    case CovarianceShape::diagonal:
      return components * features;
    case CovarianceShape::spherical:
      break;
  }
  return components;
}

namespace detail {
namespace {

using Matrix = Eigen::Matrix<double, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;
using MatrixView = Eigen::Map<Matrix>;
using ConstMatrixView = Eigen::Map<const Matrix>;
using VectorView = Eigen::Map<const Eigen::VectorXd>;

// Resolution of a double with three digits to spare.
constexpr double kLeastDeviation = 1e-13;
// The share of all weight below which a component is empty: its inverse would overflow in squares.
constexpr double kLeastShare = 0x1p-500;

Matrix inverse_transposed(const Matrix& lower) {
  const auto d = lower.rows();
  return lower.triangularView<Eigen::Lower>().solve(Matrix::Identity(d, d)).transpose();
}

}  // namespace

MixtureState::MixtureState(const GaussianMixtureSettings& settings,
                           const std::vector<double>& deviation)
    : k_(settings.components),
      d_(std::ssize(deviation)),
      shape_(settings.shape),
      regularisation_(settings.regularisation),
      least_(deviation),
      weight_(static_cast<std::size_t>(k_)),
      mean_(static_cast<std::size_t>(k_ * d_)),
      lower_(static_cast<std::size_t>(diagonal() ? k_ * d_ : covariance_size(shape_, k_, d_))) {
  double mean_square = 0.0;
  for (const double s : deviation) mean_square += s * s / static_cast<double>(d_);
  const auto start = [&](double s) {
    const double of = std::sqrt(s * s + regularisation_);
    return of > 0.0 ? of : 1.0;  // a column without spread; the first M-step tells of it
  };
  for (double& least : least_)
    least =
        kLeastDeviation * (shape_ == CovarianceShape::spherical ? std::sqrt(mean_square) : least);
  const std::int64_t matrices = shape_ == CovarianceShape::tied ? 1 : k_;
  for (std::int64_t k = 0; k < matrices; ++k)
    for (std::int64_t j = 0; j < d_; ++j) {
      const double own = shape_ == CovarianceShape::spherical
                             ? start(std::sqrt(mean_square))
                             : start(deviation[static_cast<std::size_t>(j)]);
      lower_[static_cast<std::size_t>(diagonal() ? k * d_ + j : (k * d_ + j) * d_ + j)] = own;
    }
}

double MixtureState::deviation(std::int64_t k, std::int64_t feature) const {
  const std::int64_t i =
      diagonal() ? k * d_ + feature : (matrix_of(k) * d_ + feature) * d_ + feature;
  return lower_[static_cast<std::size_t>(i)];
}

std::vector<double> MixtureState::step(const MixtureMoments& moments, std::int64_t k) const {
  std::vector<double> of(static_cast<std::size_t>(d_));
  for (std::int64_t j = 0; j < d_; ++j)
    of[static_cast<std::size_t>(j)] =
        moments.first[at(k, j)] / moments.held[static_cast<std::size_t>(k)];
  return of;
}

void MixtureState::move_mean(const std::vector<double>& step, std::int64_t k) {
  Eigen::Map<Eigen::VectorXd> mean(mean_.data() + k * d_, d_);
  const VectorView by(step.data(), d_);
  if (diagonal())
    mean += VectorView(lower_.data() + k * d_, d_).cwiseProduct(by);
  else
    mean += ConstMatrixView(lower_.data() + matrix_of(k) * d_ * d_, d_, d_) * by;
}

/// Adds the regularisation and factors, in the coordinates of the old factor: there the scatter is
/// near the identity, however narrow the component.
bool MixtureState::update_matrix(const std::vector<double>& scatter, std::int64_t matrix) {
  MatrixView lower(lower_.data() + matrix * d_ * d_, d_, d_);
  Matrix whitened = ConstMatrixView(scatter.data(), d_, d_);
  if (regularisation_ > 0.0) {
    const Matrix upper = inverse_transposed(lower);
    whitened.noalias() += regularisation_ * upper.transpose() * upper;
  }
  const Eigen::LLT<Matrix> factor(whitened);
  if (factor.info() != Eigen::Success) return false;
  lower = (lower * Matrix(factor.matrixL())).eval();
  for (std::int64_t j = 0; j < d_; ++j)
    if (!(lower(j, j) > least_[static_cast<std::size_t>(j)] && std::isfinite(lower(j, j))))
      return false;
  return true;
}

bool MixtureState::update_variances(const MixtureMoments& moments, std::int64_t k) {
  const double held = moments.held[static_cast<std::size_t>(k)];
  double pooled = 0.0;
  std::vector<double> variance(static_cast<std::size_t>(d_));
  for (std::int64_t j = 0; j < d_; ++j) {
    const double by = moments.first[at(k, j)] / held;
    const double old = lower_[at(k, j)];
    const double now = std::max(0.0, moments.second[at(k, j)] / held - by * by) * old * old;
    variance[static_cast<std::size_t>(j)] = now + regularisation_;
    pooled += now / static_cast<double>(d_);
  }
  for (std::int64_t j = 0; j < d_; ++j) {
    const double now = shape_ == CovarianceShape::spherical ? pooled + regularisation_
                                                            : variance[static_cast<std::size_t>(j)];
    lower_[at(k, j)] = std::sqrt(now);
    if (!(lower_[at(k, j)] > least_[static_cast<std::size_t>(j)] && std::isfinite(now)))
      return false;
  }
  return true;
}

bool MixtureState::update_tied(const MixtureMoments& moments) {
  std::vector<double> scatter(static_cast<std::size_t>(d_ * d_));
  double total = 0.0;
  for (std::int64_t k = 0; k < k_; ++k) {
    const double held = moments.held[static_cast<std::size_t>(k)];
    if (weight_[static_cast<std::size_t>(k)] == 0.0) continue;
    total += held;
    const std::vector<double> by = step(moments, k);
    const double* second = moments.second.data() + k * d_ * (d_ + 1) / 2;
    for (std::int64_t a = 0; a < d_; ++a)
      for (std::int64_t b = 0; b <= a; ++b)
        scatter[at(a, b)] +=
            *second++ - held * by[static_cast<std::size_t>(a)] * by[static_cast<std::size_t>(b)];
    move_mean(by, k);
  }
  for (std::int64_t a = 0; a < d_; ++a)
    for (std::int64_t b = 0; b <= a; ++b) scatter[at(b, a)] = scatter[at(a, b)] /= total;
  return update_matrix(scatter, 0);
}

bool MixtureState::update(const MixtureMoments& moments) {
  double total = 0.0;
  for (const double held : moments.held) total += held;
  for (std::size_t k = 0; k < weight_.size(); ++k)
    weight_[k] = moments.held[k] > kLeastShare * total ? moments.held[k] / total : 0.0;
  if (shape_ == CovarianceShape::tied) return update_tied(moments);
  for (std::int64_t k = 0; k < k_; ++k) {
    const double held = moments.held[static_cast<std::size_t>(k)];
    if (weight_[static_cast<std::size_t>(k)] == 0.0) continue;
    const std::vector<double> by = step(moments, k);
    move_mean(by, k);
    if (diagonal()) {
      if (!update_variances(moments, k)) return false;
      continue;
    }
    std::vector<double> scatter(static_cast<std::size_t>(d_ * d_));
    const double* second = moments.second.data() + k * d_ * (d_ + 1) / 2;
    for (std::int64_t a = 0; a < d_; ++a)
      for (std::int64_t b = 0; b <= a; ++b)
        scatter[at(b, a)] = scatter[at(a, b)] =
            *second++ / held - by[static_cast<std::size_t>(a)] * by[static_cast<std::size_t>(b)];
    if (!update_matrix(scatter, k)) return false;
  }
  return true;
}

void MixtureState::set_weights(std::span<const double> weight) {
  weight_.assign(weight.begin(), weight.end());
}

void MixtureState::set_means(std::span<const double> mean, const Frame<double>& frame) {
  for (std::int64_t k = 0; k < k_; ++k)
    for (std::int64_t j = 0; j < d_; ++j) mean_[at(k, j)] = mean[at(k, j)] - frame.shift(j);
}

void MixtureState::set_precision_cholesky(std::span<const double> upper) {
  if (diagonal()) {
    for (std::int64_t k = 0; k < k_; ++k)
      for (std::int64_t j = 0; j < d_; ++j)
        lower_[at(k, j)] =
            1.0 / (shape_ == CovarianceShape::spherical ? upper[static_cast<std::size_t>(k)]
                                                        : upper[at(k, j)]);
    return;
  }
  for (std::size_t i = 0; i < upper.size(); i += static_cast<std::size_t>(d_ * d_)) {
    const Matrix of = ConstMatrixView(upper.data() + i, d_, d_);
    // inverse_transposed(U') is the transpose of the factor wanted.
    MatrixView(lower_.data() + i, d_, d_) = inverse_transposed(of.transpose()).transpose();
  }
}

std::vector<double> log_constants(const std::vector<double>& weight,
                                  const std::vector<double>& upper, CovarianceShape shape,
                                  std::int64_t features) {
  std::vector<double> of;
  const double log_two_pi = std::log(2.0 * std::numbers::pi);
  for (std::size_t k = 0; k < weight.size(); ++k) {
    double log_det = 0.0;
    for (std::int64_t j = 0; j < features; ++j) {
      const auto c = static_cast<std::int64_t>(k);
      const std::int64_t i = shape == CovarianceShape::full   ? (c * features + j) * features + j
                             : shape == CovarianceShape::tied ? j * features + j
                             : shape == CovarianceShape::diagonal ? c * features + j
                                                                  : c;
      log_det += std::log(upper[static_cast<std::size_t>(i)]);
    }
    of.push_back(weight[k] > 0.0 ? std::log(weight[k]) + log_det -
                                       0.5 * static_cast<double>(features) * log_two_pi
                                 : kNoLog);
  }
  return of;
}

GaussianMixture MixtureState::mixture(const Frame<double>& frame) const {
  GaussianMixture to{k_, d_, shape_, weight_, mean_, {}, {}};
  for (std::int64_t k = 0; k < k_; ++k)
    for (std::int64_t j = 0; j < d_; ++j) to.mean[at(k, j)] += frame.shift(j);
  if (diagonal()) {
    const std::int64_t step = shape_ == CovarianceShape::spherical ? d_ : 1;
    for (std::size_t i = 0; i < lower_.size(); i += static_cast<std::size_t>(step)) {
      to.covariance.push_back(lower_[i] * lower_[i]);
      to.precision_cholesky.push_back(1.0 / lower_[i]);
    }
    return to;
  }
  to.covariance.resize(lower_.size());
  to.precision_cholesky.resize(lower_.size());
  for (std::size_t i = 0; i < lower_.size(); i += static_cast<std::size_t>(d_ * d_)) {
    const Matrix lower = ConstMatrixView(lower_.data() + i, d_, d_);
    MatrixView(to.covariance.data() + i, d_, d_) = lower * lower.transpose();
    MatrixView(to.precision_cholesky.data() + i, d_, d_) = inverse_transposed(lower);
  }
  return to;
}

std::int64_t mixture_block_rows(std::int64_t components, std::int64_t features, bool diagonal) {
  const std::int64_t sums = components * (1 + (diagonal ? 2 : (features + 3) / 2));
  return std::max(kBlockRows, (8 * sums + 63) / 64 * 64);
}

MixtureTotals MixtureState::pass(const Frame<double>& frame, const Execution& execution,
                                 MixtureMoments& moments) const {
  std::vector<double> upper;
  if (diagonal()) {
    for (const double s : lower_) upper.push_back(1.0 / s);
  } else {
    upper.resize(lower_.size());
    for (std::size_t i = 0; i < lower_.size(); i += static_cast<std::size_t>(d_ * d_))
      MatrixView(upper.data() + i, d_, d_) =
          inverse_transposed(ConstMatrixView(lower_.data() + i, d_, d_));
  }
  const std::vector<double> constant =
      log_constants(weight_, upper, diagonal() ? CovarianceShape::diagonal : shape_, d_);
  if (!diagonal()) upper = pack_factors(upper, std::ssize(upper) / (d_ * d_), d_);

  struct PassSums {
    MixtureMoments moments;
    MixtureTotals totals;
    PassSums& operator+=(const PassSums& other) {
      moments += other.moments;
      totals += other.totals;
      return *this;
    }
  };
  const PassSums none{MixtureMoments(k_, d_, diagonal()), {}};
  const std::int64_t work = k_ * d_ * (diagonal() ? 5 : d_ + 5);
  const MixtureKernel kernel = mixture_kernel();
  PassSums total = block_reduce(
      frame.points().rows(), for_work(execution, frame.points().rows(), work), none,
      [&](std::int64_t first, std::int64_t last) {
        PassSums of = none;
        const MixtureTask task{.rows = frame.rows(),
                               .components = k_,
                               .diagonal = diagonal(),
                               .shared = shape_ == CovarianceShape::tied,
                               .mean = mean_.data(),
                               .factor = upper.data(),
                               .constant = constant.data(),
                               .moments = &of.moments};
        in_pieces(first, last, d_, work, execution,
                  [&](std::int64_t from, std::int64_t to) { of.totals += kernel(task, from, to); });
        return of;
      },
      mixture_block_rows(k_, d_, diagonal()));
  moments = std::move(total.moments);
  return total.totals;
}

}  // namespace detail
}  // namespace tenure::segment
