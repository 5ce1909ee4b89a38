// Growth over a run.
#pragma once

#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <memory>
#include <utility>
#include <vector>

namespace unpaired {

/// The number of a finding's resources after `x` cycles or seconds (ImageReport::series_unit).
struct GrowthPoint {
    double x = 0;
    uint64_t count = 0;
    bool operator==(const GrowthPoint &) const = default;
};

/// Points of a curve, as a small value: the findings of a run have the same 64 places on the x axis, and most of them
/// have few steps in between.
class Series {
public:
    Series() = default;
    Series(const std::vector<GrowthPoint> &points);
    Series(std::initializer_list<GrowthPoint> points) : Series(std::vector<GrowthPoint>(points)) {}

    bool empty() const { return axis_ == nullptr; }
    size_t size() const { return empty() ? 0 : axis_->size(); }
    GrowthPoint back() const { return {axis_->back(), steps_.back().second}; }
    std::vector<GrowthPoint> points() const;

    bool operator==(const Series &other) const { return points() == other.points(); }

private:
    using Axis = std::shared_ptr<const std::vector<double>>;
    Axis axis_;                                        // null: no points
    std::vector<std::pair<uint32_t, uint64_t>> steps_; // the count from each of these points on
};

} // namespace unpaired
