#include "table.hpp"

#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <cstdio>
#include <numeric>

#include "json.hpp"

namespace cv6::box {
namespace {

constexpr std::size_t gap = 3;

// The widest columns lose, down to where their entries can still be told apart.
void fit(std::vector<std::size_t>& widths, std::size_t line) {
  constexpr std::size_t least = 8;
  std::size_t total = std::accumulate(widths.begin(), widths.end(), gap * (widths.size() - 1));
  for (; total > line; --total) {
    const auto widest = std::max_element(widths.begin(), widths.end());
    if (*widest <= least) return;
    --*widest;
  }
}

std::string cut(const std::string& text, std::size_t width) {
  return text.size() <= width ? text : text.substr(0, width - 2) + "..";
}

std::string json_name(const std::string& title) {
  std::string name;
  for (char c : title) name += c == ' ' ? '_' : static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  return name;
}

}  // namespace

std::size_t line_width() {
  winsize size{};
  if (::ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0) return size.ws_col;
  return SIZE_MAX;
}

void add_format_option(CLI::App& word, Format& format) {
  word.add_option_function<std::string>(
          "--format", [&format](const std::string& name) { format = name == "json" ? Format::json : Format::table; },
          "`table` or `json`")
      ->check(CLI::IsMember({"table", "json"}));
}

std::string json_string(const std::string& text) { return json_text(Json(text)); }

std::string size_text(std::uint64_t bytes) {
  constexpr std::array units = {"B", "kB", "MB", "GB", "TB"};
  auto value = static_cast<double>(bytes);
  std::size_t unit = 0;
  for (; value >= 1000 && unit + 1 < units.size(); ++unit) value /= 1000;
  char text[32];
  std::snprintf(text, sizeof text, unit == 0 || value >= 100 ? "%.0f %s" : "%.1f %s", value, units[unit]);
  return text;
}

void Table::print(Format format) const {
  if (format == Format::json)
    std::puts(json().c_str());
  else
    print_columns();
}

std::vector<std::size_t> Table::widths() const {
  std::vector<std::size_t> widths;
  for (const std::string& title : titles_) widths.push_back(title.size());
  for (const auto& line : lines_)
    for (std::size_t i = 0; i < line.size(); ++i) widths[i] = std::max(widths[i], line[i].text.size());
  return widths;
}

void Table::print_columns() const {
  std::vector<std::size_t> widths = this->widths();
  fit(widths, line_width());
  const auto print_line = [&](auto text_at) {
    std::string text;
    for (std::size_t i = 0; i < widths.size(); ++i) {
      text.resize(text.empty() ? 0 : text.size() + gap, ' ');
      const std::size_t start = text.size();
      text += cut(text_at(i), widths[i]);
      if (i + 1 < widths.size()) text.resize(start + widths[i], ' ');
    }
    std::puts(text.c_str());
  };
  print_line([&](std::size_t i) { return titles_[i]; });
  for (const auto& line : lines_) print_line([&](std::size_t i) { return line[i].text; });
}

std::string Table::json() const {
  std::string json = "[";
  for (const auto& line : lines_) {
    json += json.size() > 1 ? ",\n {" : "\n {";
    for (std::size_t i = 0; i < line.size(); ++i) {
      if (i) json += ", ";
      json += json_string(json_name(titles_[i])) + ": " + line[i].json;
    }
    json += '}';
  }
  return json + (lines_.empty() ? "]" : "\n]");
}

}  // namespace cv6::box
