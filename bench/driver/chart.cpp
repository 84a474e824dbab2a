#include "chart.hpp"

#include <algorithm>
#include <cmath>
#include <format>
#include <string_view>

namespace cv6::bench {
namespace {

// In units of the image, which are pixels unless it is scaled.
constexpr int row_height = 18, text_width = 400, bar_width = 420, value_width = 70, top = 44;

std::string escaped(std::string_view text) {
  std::string result;
  for (const char letter : text) {
    if (letter == '<') result += "&lt;";
    else if (letter == '&') result += "&amp;";
    else result += letter;
  }
  return result;
}

struct Bar {
  std::string_view title;
  double times;     ///< by the part that is compared
  double together;  ///< of kernel and programs
};

std::vector<Bar> bars(const Results& results) {
  std::vector<Bar> found;
  for (const Metric& metric : metrics) {
    if (metric.unit != Unit::instructions) continue;
    const auto times = times_as_much(metric, results, compared_part(metric, results));
    const auto together = times_as_much(metric, results, Part::all);
    if (times && together) found.push_back({metric.title, *times, *together});
  }
  return found;
}

/// On the scale. What is slower than Linux has a bar of no length, and its number tells.
double length_of(double times, double most) { return times > 1 ? std::log(times) / std::log(most) * bar_width : 0; }

std::string row(const Bar& bar, double most, int y) {
  const double length = length_of(bar.times, most);
  const double together = length_of(bar.together, most);
  return std::format("<text x='{}' y='{}' text-anchor='end'>{}</text><rect x='{}' y='{}' width='{:.1f}' height='{}' fill='{}'/>"
                     "<rect x='{:.1f}' y='{}' width='3' height='{}' fill='#222'/><text x='{:.1f}' y='{}'>{:.1f}</text>\n",
                     text_width - 8, y + 13, escaped(bar.title), text_width, y + 2, length, row_height - 4,
                     bar.times >= 2 ? "#2a7fba" : "#c8803a", text_width + together - 1.5, y + 2, row_height - 4,
                     text_width + std::max(length, together) + 6, y + 13, bar.times);
}

/// A line at each power of ten.
std::string scale(double most, int height) {
  std::string lines;
  for (double times = 1; times <= most; times *= 10) {
    const double x = text_width + length_of(times, most);
    lines += std::format("<line x1='{0:.1f}' x2='{0:.1f}' y1='{1}' y2='{2}' stroke='#ccc'/><text x='{0:.1f}' y='{3}' text-anchor='middle' "
                         "fill='#666'>{4:.0f}</text>\n", x, top, height, top - 4, times);
  }
  return lines;
}

}  // namespace

std::string chart(const Results& results) {
  const std::vector<Bar> all = bars(results);
  double most = 10;
  for (const Bar& bar : all) most = std::max({most, bar.times, bar.together});
  const int height = top + static_cast<int>(all.size()) * row_height + 8;
  std::string image = std::format(
      "<svg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 {0} {1}' width='{0}' height='{1}' font-family='sans-serif' font-size='12'>\n"
      "<rect width='100%' height='100%' fill='white'/>\n"
      "<text x='8' y='18' font-size='14'>Guest instructions in the kernel: how many times as many as cv6 Linux needs. "
      "Black: kernel and program together</text>\n",
      text_width + bar_width + value_width, height);
  image += scale(most, height - 8);
  for (int y = top; const Bar& bar : all) {
    image += row(bar, most, y);
    y += row_height;
  }
  return image + "</svg>\n";
}

}  // namespace cv6::bench
