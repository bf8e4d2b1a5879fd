#pragma once
#include <cmath>

namespace tenure::clv {

/// The logarithm of a product of many factors in (0, 1], with a logarithm only now and then: the
/// product itself is kept while it is far from underflow.
class LogProduct {
 public:
  void times(double factor) {
    if (factor < 1e-150) {
      log_ += std::log(factor);
      return;
    }
    product_ *= factor;
    if (product_ < 1e-150) {
      log_ += std::log(product_);
      product_ = 1.0;
    }
  }

  double log() const { return log_ + std::log(product_); }

 private:
  double product_ = 1.0, log_ = 0.0;
};

}  // namespace tenure::clv
