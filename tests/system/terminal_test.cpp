// Terminals of containers that run in the background: box run -d -t, attach, detach.
#include <gtest/gtest.h>

#include "support/console.hpp"

namespace cv6::test {
namespace {

constexpr char detach_keys[] = "\x10\x11";  // ctrl-p ctrl-q

// The shell inside answers once box has attached to it.
void attach(Guest& guest, const std::string& words) {
  guest.type("box attach " + words + "\r");
  guest.wait_for(words + "\r\n");
  guest.type("\r");
  guest.wait_for("in% ");
}

TEST(Terminal, IsThereByNameForWhoHasIt) {
  Guest guest;
  EXPECT_EQ(guest.command("box run --rm sh -c 'echo named > /dev/tty'"), "named\n");
  EXPECT_EQ(guest.command("box run --rm sh -c 'echo named > /dev/tty' < /dev/null > /dev/null 2> error; cat error"),
            "sh: can't create /dev/tty: No such device or address\n");
}

TEST(Terminal, IsAttachedToAndLeftAgain) {
  Guest guest;
  EXPECT_EQ(guest.command("export PS1='cv6# '; box run -d -t --name t -e 'PS1=in% ' sh"), "0\n");
  attach(guest, "t");
  guest.type("tty; stty size; echo $((6 * 7)) > /kept\r");
  guest.wait_for("/dev/pts/0\r\n24 80\r\n");
  guest.wait_for("in% ");
  guest.resize(100, 30);
  guest.type("until stty size | grep '30 100'; do :; done\r");
  guest.wait_for("30 100\r\n");
  guest.wait_for("in% ");
  // ^C is for the program inside.
  guest.type("sh -c 'echo begun; sleep 1000'\r");
  guest.wait_for("begun\r\n");
  guest.type("\003");
  guest.wait_for("in% ");
  guest.type(detach_keys);
  guest.wait_for("cv6# ");
  EXPECT_EQ(guest.command("box exec t cat /kept"), "42\n");
  EXPECT_EQ(guest.command("ls /dev/pts"), "ptmx\n") << "its terminal is not to be seen here";
  attach(guest, "--detach-keys x,y t");
  guest.type("cat\r");
  guest.wait_for("cat\r\n");
  guest.type("usual \x10\x11keys\r");  // nothing special here: ^P, and ^Q, which is for the terminal
  guest.wait_for("usual ^Pkeys\r\n");
  guest.type("\003");
  guest.wait_for("in% ");
  guest.type("xy");
  guest.wait_for("cv6# ");
  attach(guest, "t");
  guest.type("echo last; exit 5\r");
  guest.wait_for("last\r\n");
  guest.wait_for("cv6# ");
  EXPECT_EQ(guest.command("echo $?"), "5\n");
  EXPECT_EQ(guest.command("box logs t | grep -c last"), "2\n");
  // Started again it has a new one.
  EXPECT_EQ(guest.command("box start t; box exec t tty; box inspect t | grep -c '\"terminal\": true'; box rm -f t"),
            "t\nnot a tty\n1\nt\n");
}

TEST(Terminal, NeedsNobodyAtThePrompt) {
  const Completed done = run_shell(R"(
    box create -t --name c sh -c 'test -t 0 && test -t 1 && echo terminal; echo $TERM; exit 3' </dev/null
    unset TERM; box start c; box wait c; box logs c | tr -d '\r'
    box run -d -t --name r sh -c 'read line; echo "<$line>"; exit 4' </dev/null
    echo hello | box attach r; echo $?
    box attach r; box attach --detach-keys ctrl-,x r
  )");
  EXPECT_EQ(done.output, "0\nc\n3\nterminal\nxterm\n1\nhello\r\n<hello>\r\n4\n");
  EXPECT_EQ(done.error, "box: r: it is not running (`box start -a` starts it)\n"
                        "box: --detach-keys ctrl-,x: keys are wanted, as in ctrl-p,ctrl-q\n");
}

}  // namespace
}  // namespace cv6::test
