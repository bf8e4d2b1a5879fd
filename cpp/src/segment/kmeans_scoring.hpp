#pragma once
#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
#include <vector>

#include "kmeans_block.hpp"

namespace tenure::segment::detail {

/// Shifted centres rounded to T, as the kernels read them.
template <class T>
struct Scoring {
  std::vector<T> plain;      ///< centre after centre, and a row of zeros behind the last
  std::vector<T> packed;     ///< see pack_centres
  std::vector<T> half_norm;  ///< and infinity behind the last: a centre that is nobody's nearest
  double largest = 0.0;      ///< the greatest norm

  Scoring(const std::vector<double>& centre, std::int64_t clusters, std::int64_t features)
      : plain(centre.size() + static_cast<std::size_t>(features)) {
    std::copy(centre.begin(), centre.end(), plain.begin());
    packed = pack_centres(plain, clusters, features);
    double square = 0.0;
    for (auto c = plain.begin(); c != plain.end() - features; c += features) {
      const double norm = std::inner_product(c, c + features, c, 0.0);
      half_norm.push_back(static_cast<T>(0.5 * norm));
      square = std::max(square, norm);
    }
    largest = std::sqrt(square);
    half_norm.push_back(std::numeric_limits<T>::infinity());
  }
};

}  // namespace tenure::segment::detail
