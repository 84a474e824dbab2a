// The results as a picture: how many times as much Linux needs, one bar for each metric, on a logarithmic scale.
#pragma once

#include <string>

#include "results.hpp"

namespace cv6::bench {

/// An SVG image (https://www.w3.org/TR/SVG2/) of the rows that have a value on both systems.
std::string chart(const Results& results);

}  // namespace cv6::bench
