#include "series.h"

namespace unpaired {

Series::Series(const std::vector<GrowthPoint> &points)
{
    if (points.empty())
        return;
    std::vector<double> axis;
    axis.reserve(points.size());
    for (const GrowthPoint &point : points) {
        if (steps_.empty() || steps_.back().second != point.count)
            steps_.emplace_back(static_cast<uint32_t>(axis.size()), point.count);
        axis.push_back(point.x);
    }
    steps_.shrink_to_fit();
    static thread_local Axis latest; // the findings of a run come one after another
    if (latest == nullptr || *latest != axis)
        latest = std::make_shared<const std::vector<double>>(std::move(axis));
    axis_ = latest;
}

std::vector<GrowthPoint> Series::points() const
{
    std::vector<GrowthPoint> points;
    points.reserve(size());
    for (size_t i = 0, step = 0; i < size(); i++) {
        if (step + 1 < steps_.size() && steps_[step + 1].first == i)
            step++;
        points.push_back({(*axis_)[i], steps_[step].second});
    }
    return points;
}

} // namespace unpaired
