// The terminal line discipline, byte by byte, against what termios(3) says and what Linux' n_tty shows.
#include "dev/line_discipline.hpp"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace cv6 {
namespace {

class LineDisciplineTest : public testing::Test, private LineDiscipline::Sink {
 protected:
  LineDisciplineTest() : tty(*this) {}
  void echo(std::string_view bytes) override { screen += bytes; }
  void signal(TerminalSignal signal) override { signals.push_back(signal); }

  void type(std::string_view bytes) {
    for (char byte : bytes) tty.receive(byte);
  }
  std::string read(std::size_t size = 256) {
    std::string text(size, '\0');
    text.resize(tty.read(text).count);
    return text;
  }
  void without(Termios::Local flags) {
    Termios termios = tty.settings();
    termios.local &= ~static_cast<std::uint32_t>(flags);
    tty.set(termios);
  }
  static constexpr auto flags(auto... all) { return static_cast<Termios::Local>((all | ...)); }

  LineDiscipline tty;
  std::string screen;
  std::vector<TerminalSignal> signals;
};

TEST_F(LineDisciplineTest, GivesALineWhenItHasEnded) {
  type("hel");
  EXPECT_FALSE(tty.readable(1));
  type("lo\rnext");
  EXPECT_TRUE(tty.readable(1));
  EXPECT_EQ(read(), "hello\n");
  EXPECT_FALSE(tty.readable(1));
  EXPECT_EQ(screen, "hello\r\nnext");
}

TEST_F(LineDisciplineTest, GivesOneLineAtATimeAndTheRestLater) {
  type("first\nsecond\n");
  EXPECT_EQ(tty.available(), 13u);
  EXPECT_EQ(read(3), "fir");
  EXPECT_EQ(read(), "st\n");
  EXPECT_EQ(read(), "second\n");
}

TEST_F(LineDisciplineTest, EndOfFileEndsTheLineWithoutBeingPartOfIt) {
  type("abc\4");
  EXPECT_EQ(tty.available(), 3u);
  EXPECT_EQ(read(), "abc");
  EXPECT_FALSE(tty.readable(1));
  type("\4");
  EXPECT_TRUE(tty.readable(1));
  EXPECT_EQ(read(), "");
  EXPECT_FALSE(tty.readable(1));
}

TEST_F(LineDisciplineTest, EndOfFileBehindAnExactlyFullReadIsNotAnEndOfItsOwn) {
  type("abc\4next\4");
  char three[3];
  EXPECT_TRUE(tty.read(three).line_ended);
  EXPECT_EQ(std::string(three, 3), "abc");
  EXPECT_FALSE(tty.read(three).line_ended);
  EXPECT_TRUE(tty.read(three).line_ended);
  EXPECT_FALSE(tty.readable(1));
}

TEST_F(LineDisciplineTest, ErasesCharactersAsTheyLookOnTheScreen) {
  type("ab\1c\x7f\x7f\x7f");
  EXPECT_EQ(screen, "ab^Ac\b \b\b \b\b \b\b \b");
  type("\x7f\x7f\x7fx\n");
  EXPECT_EQ(read(), "x\n");
}

TEST_F(LineDisciplineTest, ErasesAWholeUtf8Character) {
  type("a\xc3\xa9\x7f\n");
  EXPECT_EQ(read(), "a\n");
  EXPECT_EQ(screen, "a\xc3\xa9\b \b\r\n");
}

TEST_F(LineDisciplineTest, ErasesATabToWhereTheLineWas) {
  type("ab\t\x7f");
  EXPECT_EQ(screen, "ab\t\b \b\b \b\b \b\b \b\b \b\b \b");
}

TEST_F(LineDisciplineTest, ErasesSeveralTabsToWhereTheLineWas) {
  tty.process_output("> ", [](std::string_view) { return true; });
  const std::string line = "a\tbcd\t\te\1\t";  // columns 2, 3, 8, 11, 16, 24, 27, 32
  type(line);
  for (const std::size_t columns : {5, 2, 1, 8, 5, 1, 1, 1, 5, 1}) {
    screen.clear();
    type("\x7f");
    EXPECT_EQ(screen.size(), columns * 3) << columns;
  }
  type(line);
  screen.clear();
  type("\x15");
  EXPECT_EQ(screen.size(), 30u * 3);
}

TEST_F(LineDisciplineTest, ErasesWordsAndLines) {
  type("one two  \x17");
  type("2\n");
  EXPECT_EQ(read(), "one 2\n");
  type("all of it\x15kept\n");
  EXPECT_EQ(read(), "kept\n");
}

TEST_F(LineDisciplineTest, TakesTheNextCharacterLiterally) {
  type("\x16\3\x16\x7f\n");
  EXPECT_EQ(read(), "\3\x7f\n");
  EXPECT_TRUE(signals.empty());
}

TEST_F(LineDisciplineTest, SendsSignalsAndForgetsTheLine) {
  type("typed\3after\n");
  EXPECT_EQ(signals, std::vector{TerminalSignal::interrupt});
  EXPECT_EQ(read(), "after\n");
  EXPECT_EQ(screen, "typed^Cafter\r\n");
  type("\x1c\x1a");
  EXPECT_EQ(signals, (std::vector{TerminalSignal::interrupt, TerminalSignal::quit, TerminalSignal::suspend}));
}

TEST_F(LineDisciplineTest, WithoutSignalsTheyAreCharacters) {
  without(Termios::isig);
  type("\3\n");
  EXPECT_TRUE(signals.empty());
  EXPECT_EQ(read(), "\3\n");
}

TEST_F(LineDisciplineTest, RawModeGivesEveryByteAtOnce) {
  without(flags(Termios::icanon, Termios::echo, Termios::isig, Termios::iexten));
  type("a\x7f\4");
  EXPECT_TRUE(tty.readable(3));
  EXPECT_FALSE(tty.readable(4));
  EXPECT_EQ(read(), "a\x7f\4");
  EXPECT_EQ(screen, "");
}

TEST_F(LineDisciplineTest, ChangingToRawModeGivesTheUnfinishedLine) {
  type("unfinished");
  without(Termios::icanon);
  EXPECT_EQ(read(), "unfinished");
}

TEST_F(LineDisciplineTest, StopsAndStartsOutput) {
  type("\x13");
  EXPECT_TRUE(tty.output_stopped());
  type("\x11");
  EXPECT_FALSE(tty.output_stopped());
  EXPECT_FALSE(tty.readable(1));
}

TEST_F(LineDisciplineTest, ALineThatIsTooLongKeepsItsBeginningAndItsEnd) {
  type(std::string(2 * LineDiscipline::capacity, 'x') + "\n");
  std::string line;
  while (tty.readable(1)) line += read();
  EXPECT_EQ(line, std::string(LineDiscipline::capacity - 1, 'x') + "\n");
  EXPECT_EQ(tty.room(), LineDiscipline::capacity - 1);
}

TEST_F(LineDisciplineTest, AFullBufferTakesNothingMore) {
  const std::string longest = std::string(LineDiscipline::capacity - 1, 'x') + "\n";
  type(longest.substr(0, longest.size() - 1));
  EXPECT_EQ(tty.room(), 1u) << "of a line that nobody has ended";
  type("\n");
  EXPECT_EQ(tty.room(), 0u);
  type("\4lost\n");
  EXPECT_EQ(read(longest.size()), longest);
  EXPECT_FALSE(tty.readable(1));
}

TEST_F(LineDisciplineTest, WritesLineEndsAsATerminalWantsThem) {
  std::string out;
  const auto put = [&](std::string_view piece) {
    out += piece;
    return true;
  };
  EXPECT_EQ(tty.process_output("one\ntwo\n", put), 8u);
  EXPECT_EQ(out, "one\r\ntwo\r\n");

  Termios termios = tty.settings();
  termios.output |= Termios::xtabs;
  tty.set(termios);
  out.clear();
  tty.process_output("abc\td", put);
  EXPECT_EQ(out, "abc     d");

  termios.output = 0;
  tty.set(termios);
  out.clear();
  tty.process_output("as\nit is\t", put);
  EXPECT_EQ(out, "as\nit is\t");
}

TEST_F(LineDisciplineTest, OutputThatFindsNoRoomIsReportedExactly) {
  std::string out;
  const auto two_pieces = [&](std::string_view piece) {
    if (out.size() >= 3) return false;
    out += piece;
    return true;
  };
  EXPECT_EQ(tty.process_output("abc\nmore", two_pieces), 3u);
  EXPECT_EQ(out, "abc");
}

TEST_F(LineDisciplineTest, RandomInputNeverReadsMoreThanWasTyped) {
  std::uint32_t random = 12345;
  std::size_t typed = 0, got = 0;
  for (int i = 0; i < 200'000; ++i) {
    random = random * 1664525 + 1013904223;
    tty.receive(static_cast<char>(random >> 24));
    ++typed;
    if ((random >> 8) % 64 == 0) got += read((random >> 16) % 300).size();
    if ((random >> 9) % 512 == 0) {
      Termios termios = tty.settings();
      termios.local ^= Termios::icanon;
      tty.set(termios);
    }
    ASSERT_LE(got + tty.available(), typed);
  }
}

}  // namespace
}  // namespace cv6
