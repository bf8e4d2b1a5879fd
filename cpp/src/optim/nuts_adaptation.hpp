#pragma once
#include <Eigen/Dense>
#include <algorithm>
#include <cmath>
#include <cstdint>

/// What the warm-up of the No-U-Turn sampler learns: the step size and the metric.
namespace tenure::optim {

/// Dual averaging of the logarithm of the step size. [Hoffman & Gelman 2014, eq. 6 and sect. 3.2.1]
class StepSize {
 public:
  explicit StepSize(double target) : target_(target) {}

  void restart(double step) {
    centre_ = std::log(10.0 * step);
    count_ = error_ = log_mean_ = 0.0;
  }

  /// The next step size to try, after a trajectory of this mean acceptance.
  double learn(double acceptance) {
    constexpr double kGamma = 0.05, kOffset = 10.0, kKappa = 0.75;
    ++count_;
    const double share = 1.0 / (count_ + kOffset);
    error_ = (1.0 - share) * error_ + share * (target_ - std::min(acceptance, 1.0));
    const double log_step = centre_ - error_ * std::sqrt(count_) / kGamma;
    const double weight = std::pow(count_, -kKappa);
    log_mean_ = (1.0 - weight) * log_mean_ + weight * log_step;
    return std::exp(log_step);
  }

  /// The step size to keep.
  double mean() const { return std::exp(log_mean_); }
  bool has_learnt() const { return count_ > 0.0; }

 private:
  double target_, centre_ = 0.0, count_ = 0.0, error_ = 0.0, log_mean_ = 0.0;
};

/// Which draws of the warm-up the metric learns from: none at first, while the chain finds its way,
/// and none at last, while the step size settles; between them windows, each twice as long as the
/// one before. [Stan Reference Manual]
class Windows {
 public:
  explicit Windows(std::int64_t warmup) {
    if (warmup < 20) return;
    std::int64_t length = 25;
    first_ = 75;
    last_ = warmup - 50;
    if (first_ + length > last_) {
      first_ = static_cast<std::int64_t>(0.15 * static_cast<double>(warmup));
      last_ = warmup - static_cast<std::int64_t>(0.1 * static_cast<double>(warmup));
      length = last_ - first_;
    }
    length_ = length;
    end_ = first_ + length;
    stretch();
  }

  bool holds(std::int64_t draw) const { return draw >= first_ && draw < last_; }

  /// Whether the window ends with this draw; if so, the next one begins.
  bool closes(std::int64_t draw) {
    if (!holds(draw) || draw + 1 != end_) return false;
    length_ *= 2;
    end_ += length_;
    stretch();
    return true;
  }

 private:
  /// A window that leaves no room for another of twice its length takes all that is left.
  void stretch() {
    if (end_ + 2 * length_ > last_) end_ = last_;
  }

  std::int64_t first_ = 0, last_ = 0, length_ = 0, end_ = 0;
};

/// Running mean and covariance. [Welford 1962, Technometrics 4:419-420]
class Covariance {
 public:
  explicit Covariance(Eigen::Index n) { restart(n); }

  void restart(Eigen::Index n) {
    count_ = 0.0;
    mean_ = Eigen::VectorXd::Zero(n);
    squares_ = Eigen::MatrixXd::Zero(n, n);
  }

  void add(const Eigen::VectorXd& point) {
    ++count_;
    const Eigen::VectorXd before = point - mean_;
    mean_ += before / count_;
    squares_ += (point - mean_) * before.transpose();
  }

  /// Shrunk by the weight of five draws, so that it is positive definite: towards `guess`, or where
  /// there is none towards its own variances, which goes with any scale. A coordinate that never
  /// moved keeps the variance it has in `current`.
  Eigen::MatrixXd shrunk(const Eigen::MatrixXd& guess, const Eigen::MatrixXd& current) const {
    const double share = count_ / (count_ + 5.0);
    const Eigen::MatrixXd estimate =
        0.5 / std::max(1.0, count_ - 1.0) * (squares_ + squares_.transpose());
    if (guess.size() > 0) return share * estimate + (1.0 - share) * guess;
    const Eigen::VectorXd variances =
        (estimate.diagonal().array() > 0.0).select(estimate.diagonal(), current.diagonal());
    return share * estimate + (1.0 - share) * Eigen::MatrixXd(variances.asDiagonal());
  }

 private:
  double count_ = 0.0;
  Eigen::VectorXd mean_;
  Eigen::MatrixXd squares_;
};

}  // namespace tenure::optim
