// What box shows in columns, or as JSON for programs (`--format json`).
#pragma once

#include <CLI/CLI.hpp>
#include <cstdint>
#include <string>
#include <vector>

#include "text.hpp"

namespace cv6::box {

enum class Format { table, json };
void add_format_option(CLI::App& word, Format& format);

// A text in quotes, as JSON writes it.
std::string json_string(const std::string& text);

// Of the terminal, in characters; no limit where it is not known.
std::size_t line_width();

// "12.3 MB": powers of 1000, as docker shows sizes.
std::string size_text(std::uint64_t bytes);

// One entry: what a person reads, and its value in JSON. A text may be anybody's: on a terminal it commands nothing.
struct Cell {
  Cell(const std::string& words) : text(printable(words)), json(json_string(words)) {}
  Cell(const char* words) : Cell(std::string(words)) {}
  Cell(std::int64_t number) : text(std::to_string(number)), json(text) {}
  Cell(std::uint64_t number) : text(std::to_string(number)), json(text) {}
  Cell(int number) : Cell(std::int64_t{number}) {}
  Cell(unsigned number) : Cell(std::uint64_t{number}) {}
  // A person reads something else than the value.
  Cell(std::string words, std::uint64_t value) : text(std::move(words)), json(std::to_string(value)) {}
  static Cell size(std::uint64_t bytes) { return {size_text(bytes), bytes}; }

  std::string text, json;
};

class Table {
 public:
  explicit Table(std::vector<std::string> titles) : titles_(std::move(titles)) {}
  void add(std::vector<Cell> line) { lines_.push_back(std::move(line)); }
  bool empty() const { return lines_.empty(); }

  // On standard output. As a table: columns as wide as their widest entry, three spaces apart, as `docker ps` prints them;
  // on a terminal that is too narrow, the widest entries are cut. As JSON: an array with an object for each line, whose
  // names are the titles in lower case.
  void print(Format format) const;
  std::string json() const;

 private:
  std::vector<std::size_t> widths() const;
  void print_columns() const;

  std::vector<std::string> titles_;
  std::vector<std::vector<Cell>> lines_;
};

}  // namespace cv6::box
