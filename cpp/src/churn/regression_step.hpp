#pragma once
#include <Eigen/Dense>

/// What the Newton iterations of regressions share.
namespace tenure::churn::detail {

/// Projection on the eigenvectors of the scaled information that the data say nothing about, told
/// in the columns themselves. Zero if there are none. `unit_information`: information of a column
/// that varies.
Eigen::MatrixXd unidentified_part(const Eigen::MatrixXd& information, double unit_information);

/// information^-1 score; where that does not exist, eigenvalues are raised until it does.
Eigen::VectorXd newton_step(const Eigen::MatrixXd& information, const Eigen::VectorXd& score);

}  // namespace tenure::churn::detail
