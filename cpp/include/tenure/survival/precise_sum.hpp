#pragma once

namespace tenure::survival {

/// A sum carried in twice the precision of a double. Risk sets under left truncation are
/// differences of large sums of weights; rounding them must not eat a small risk set. [Dekker 1971,
/// Numerische Mathematik 18:224-242; Knuth, TAOCP 2, sec. 4.2.2]
class PreciseSum {
 public:
  void add(double x) {
    const double sum = high_ + x;
    const double shadow = sum - high_;
    low_ += (high_ - (sum - shadow)) + (x - shadow);
    high_ = sum;
  }
  void add(const PreciseSum& other) {
    add(other.high_);
    low_ += other.low_;
  }
  void subtract(const PreciseSum& other) {
    add(-other.high_);
    low_ -= other.low_;
  }
  double value() const { return high_ + low_; }

 private:
  double high_ = 0.0;
  double low_ = 0.0;
};

}  // namespace tenure::survival
