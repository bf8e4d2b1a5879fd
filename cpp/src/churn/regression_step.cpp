#include "regression_step.hpp"

namespace tenure::churn::detail {

using Eigen::MatrixXd;
using Eigen::VectorXd;

namespace {
constexpr double kSingular = 1e-11;
}

MatrixXd unidentified_part(const MatrixXd& information, double unit_information) {
  const Eigen::Index p = information.rows();
  VectorXd unit(p);
  MatrixXd out = MatrixXd::Zero(p, p);
  for (Eigen::Index j = 0; j < p; ++j) {
    const double own = information(j, j) / unit_information;
    unit(j) = own > kSingular ? 1.0 / std::sqrt(information(j, j)) : 0.0;
    if (unit(j) == 0.0) out(j, j) = 1.0;
  }
  MatrixXd scaled = unit.asDiagonal() * information * unit.asDiagonal();
  for (Eigen::Index j = 0; j < p; ++j)
    if (unit(j) == 0.0) scaled(j, j) = 1.0;
  const Eigen::SelfAdjointEigenSolver<MatrixXd> eigen(scaled);
  for (Eigen::Index k = 0; k < p; ++k)
    if (eigen.eigenvalues()(k) < kSingular)
      out += eigen.eigenvectors().col(k) * eigen.eigenvectors().col(k).transpose();
  return out;
}

VectorXd newton_step(const MatrixXd& information, const VectorXd& score) {
  const Eigen::LLT<MatrixXd> root(information);
  if (root.info() == Eigen::Success) {
    VectorXd step = root.solve(score);
    if (step.allFinite()) return step;
  }
  const Eigen::SelfAdjointEigenSolver<MatrixXd> eigen(information);
  const double floor = 1e-10 * eigen.eigenvalues().cwiseAbs().maxCoeff();
  const VectorXd inverse = eigen.eigenvalues().cwiseAbs().cwiseMax(floor).cwiseInverse();
  return eigen.eigenvectors() * inverse.asDiagonal() * (eigen.eigenvectors().transpose() * score);
}

}  // namespace tenure::churn::detail
