// Which of several ways to do the same work is fastest, found out while it is done.
#pragma once
#include <algorithm>
#include <cstddef>
#include <cstdint>

namespace taogate {

/**
 * Now and then each of FORMS ways does a few batches in a row: the first fills the caches and does not count, and of the others the median does, so that one during
 * which the thread had to wait makes no difference. All batches in between go to the fastest.
 */
template <size_t FORMS> class Choice {
public:
  static constexpr uint32_t UNCOUNTED = 1, COUNTED = 7;
  /** From one trial to the next: some 60 ms of AVX-512. Of these, one in 256 goes to another form, for three forms. */
  static constexpr uint32_t BATCHES = 4096;

  /** The form for the next batch. */
  uint32_t next() const { return is_trying() ? batch_ / OF_A_FORM : chosen_; }

  /** That batch is done; `ticks` of any clock is how long it took. */
  void done(uint64_t ticks) {
    if (is_trying() && batch_ % OF_A_FORM >= UNCOUNTED) ticks_[batch_ / OF_A_FORM][batch_ % OF_A_FORM - UNCOUNTED] = ticks;
    if (++batch_ == FORMS * OF_A_FORM) choose();
    if (batch_ == BATCHES) batch_ = 0;
  }

private:
  static constexpr uint32_t OF_A_FORM = UNCOUNTED + COUNTED;

  bool is_trying() const { return batch_ < FORMS * OF_A_FORM; }

  void choose() {
    uint64_t median[FORMS];
    for (uint32_t form = 0; form < FORMS; form++) {
      uint64_t *const middle = ticks_[form] + COUNTED / 2;
      std::nth_element(ticks_[form], middle, ticks_[form] + COUNTED);
      median[form] = *middle;
    }
    const uint32_t fastest = (uint32_t)(std::min_element(median, median + FORMS) - median);
    // Forms that are as good as each other do not take turns.
    if (median[fastest] + median[fastest] / 64 < median[chosen_]) chosen_ = fastest;
  }

  uint64_t ticks_[FORMS][COUNTED] = {};
  uint32_t batch_ = 0;
  uint32_t chosen_ = 0;
};

} // namespace taogate
