// The table that people read: one row per metric.
#pragma once

#include <string>

#include "results.hpp"

namespace cv6::bench {

/// Rows for the metrics that were measured on at least one system, the versions, and what failed and why.
std::string table(const Results& results);

/// The same for the README: Markdown, the rows that both systems were asked for, and the geometric mean.
std::string markdown(const Results& results);

}  // namespace cv6::bench
