#pragma once
#include <vector>

#include "kmeans_frame.hpp"
#include "kmeans_scoring.hpp"

namespace tenure::segment::detail {

/// Which rows may have got another nearest centre since they were last looked at.
///
/// Hamerly's two bounds of a row [Hamerly 2010, SDM, section 3] are kept as one number: a lower
/// bound g of the distance to any other centre less that to the own one. When centres move, g falls
/// by the way of the own one and the longest way of the others. While g exceeds the margin, not
/// only does the row stay: its rounded scores say so too, ties and all. A score of T is off by at
/// most e = gamma (|x| R + R^2), R the longest centre; own and other score differ by (d2^2 -
/// d1^2)/2 >= g^2/2; g^2 > 4 e is enough.
template <class T>
class Bounds {
 public:
  Bounds(std::int64_t rows, std::int64_t clusters, std::int64_t features)
      : rows_(rows), clusters_(clusters), features_(features) {}

  /// Gaps are known: only rows that `stale` lists need a look.
  bool kept() const { return kept_; }
  void drop() { kept_ = false; }

  /// Room for gaps, and what a kernel needs to fill them.
  void ask(AssignTask<T>& task, const Scoring<T>& scoring);
  /// All gaps were filled; the longest row has the squared norm `largest`.
  void keep(double largest);
  /// The centres moved: what to take from the gaps.
  void follow(const Scoring<T>& from, const Scoring<T>& to);
  /// Tables of neighbours for assign_near.
  void know_neighbours(const Scoring<T>& scoring, const Execution& execution);

  const std::vector<T>& loss() const { return loss_; }
  T margin() const { return margin_; }
  Neighbours<T> neighbours() const { return {distance_.data(), index_.data(), margin_}; }

 private:
  std::int64_t rows_, clusters_, features_;
  bool kept_ = false;
  double longest_row_ = 0.0;
  Buffer<T> gap_;
  std::vector<T> loss_;
  T margin_ = T{0};
  std::vector<T> distance_;
  std::vector<std::int32_t> index_;
};

}  // namespace tenure::segment::detail
