# SPDX-License-Identifier: MIT
# SPDX-FileCopyrightText: 2026 the mod_xmppdns founders
## Try it
##   make demo          Prosody servers on loopback find each other through validated DNS (KEEP=1 leaves them running, STOCK=1: without the module)
##   make compare       a table of all rows of the demo and its specs, with mod_xmppdns and with stock Prosody
## Use it
##   make               build the C module (LUA_VERSION=5.1, 5.2, 5.3, 5.4 or jit; default 5.4)
##   make install       install into PREFIX (default /usr/local), below DESTDIR; make uninstall removes it
##   make deb           build the Debian source and binary packages, into build/; make dist a tarball of the sources
##   make doc           the API reference of the library, into build/doc; make page the plugin's page as Prosody's community modules have it
##   make clean         remove what was built
## Change it
##   make test          run every spec (SPECS=spec/core runs those below it, JOBS=1 one file after the other instead of three side by side)
##   make test-busy     the same beside four processes that keep the processors busy: no spec depends on the machine's speed
##   make matrix        who is let in: by way into a session, policy, and state of the DNS
##   make test-deb      build the Debian packages, then install, use and remove them, where all that changes is gone afterwards
##   make lint          who knows whom, a build for every Lua, clang-format, clang-tidy, cppcheck and luacheck
##   make every-lua     build with gcc and clang for every Lua, each warning an error
##   make every-rock    make, pack and install the rock for every Lua, in trees of its own
##   make every-libc    compile with musl too, and run there what needs no other library
##   make sanitize      specs under sanitizers, valgrind, and a collector that never rests (SANITIZERS="address thread" for some)
##   make fuzz          fuzz what reads bytes and text, SECONDS=60 in all, and print how much of it was run (TARGETS="name cache" for some)
##   make soak          two Prosodys for SECONDS=60 under load, with an upstream that misbehaves and goes away: nothing lost, nothing grows
##   make bench         measure against the peers, into build/bench.json too (CASES="cold plan", ROUNDS=1 for trying, STORM=5000)
##   make bench-compare the last two runs of make bench, side by side
## Elsewhere: the same inside a Debian 13 tree, made at first use
##   make test-debian13, test-busy-debian13, matrix-debian13, test-deb-debian13, demo-debian13, compare-debian13
##   make bench-debian13, bench-compare-debian13: its table is build/debian13/bench.json
LUA_VERSION ?= 5.4
PREFIX      ?= /usr/local
SPECS       ?= spec
CFLAGS      ?= -O2 -g
BUILD        = build/$(LUA_VERSION)
HARDENING   ?= -fstack-protector-strong -U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=3
WARNINGS     = -Wall -Wextra -Wpedantic -Wshadow -Wstrict-prototypes -Wmissing-prototypes
LUA          = $(if $(filter jit,$(LUA_VERSION)),luajit,lua$(LUA_VERSION))
LUA_CFLAGS   = $(shell pkg-config --cflags $(LUA))
LIBRARIES    = -lunbound -lidn2 -lpthread $(LDLIBS) # not pkg-config: Debian 12's libunbound.pc wants a libevent that is not there
NODELETE     = -Wl,-z,nodelete # libunbound's log points into the module, and its threads run in it

FLOORS       = base dns settings unbound resolver lua # each knows only those before it; see make lint
SOURCES      = $(foreach floor,$(FLOORS),$(wildcard mod_xmppdns/src/$(floor)/*.c))
OBJECTS      = $(SOURCES:mod_xmppdns/src/%.c=$(BUILD)/%.o)
SPEC_SOURCES = $(wildcard spec/support/*.c)
SPEC_OBJECTS = $(SPEC_SOURCES:spec/support/%.c=$(BUILD)/spec/%.o)
SPEC_MODULES = $(SPEC_SOURCES:spec/support/%.c=$(BUILD)/xmppdns/%.so)
COMPILE      = $(CC) $(CPPFLAGS) $(HARDENING) $(CFLAGS) -std=c11 -D_GNU_SOURCE -fPIC -fvisibility=hidden $(WARNINGS) -Imod_xmppdns/src $(LUA_CFLAGS) -MMD -MP

Q            = $(if $(filter 1,$(V)),,@) # V=1 shows the compiler's commands
SAY_CC       = $(if $(Q),&& echo 'CC $<')
SAY_LD       = $(if $(Q),&& echo 'LD $@')

all: $(BUILD)/xmppdns/core.so

# One that will not do is refused before anything is compiled.
$(BUILD)/libunbound: | packages
	$(Q)CC='$(CC)' CPPFLAGS='$(CPPFLAGS)' LDFLAGS='$(LDFLAGS)' sh .ci/libunbound $@

$(BUILD)/xmppdns/core.so: $(OBJECTS)
	@mkdir -p $(@D) $(SAY_LD)
	$(Q)$(CC) -shared -Wl,-z,relro,-z,now,-z,noexecstack $(NODELETE) $(CFLAGS) $(LDFLAGS) -o $@ $^ $(LIBRARIES)

$(BUILD)/%.o: mod_xmppdns/src/%.c | $(BUILD)/libunbound
	@mkdir -p $(@D) $(SAY_CC)
	$(Q)$(COMPILE) -c -o $@ $<

# What only specs load: modules that show parts of the core for which Lua has no face. testcore's malloc can be told to fail, testcontext's clock to stand.
$(BUILD)/xmppdns/testcore.so: LDFLAGS += -Wl,--wrap=malloc,--wrap=calloc,--wrap=realloc,--wrap=free,--wrap=strdup,--wrap=open_memstream
$(BUILD)/xmppdns/testcontext.so: LDFLAGS += -Wl,--wrap=monotonic_us
$(SPEC_MODULES): $(BUILD)/xmppdns/%.so: $(BUILD)/spec/%.o $(filter-out $(BUILD)/lua/core.o,$(OBJECTS))
	@mkdir -p $(@D) $(SAY_LD)
	$(Q)$(CC) -shared $(NODELETE) $(CFLAGS) $(LDFLAGS) -o $@ $^ $(LIBRARIES)

$(BUILD)/spec/%.o: spec/support/%.c | packages
	@mkdir -p $(@D) $(SAY_CC)
	$(Q)$(COMPILE) -c -o $@ $<

# The benchmarks' helpers: what is C alone, and a program.
BENCH_FILES  = $(addprefix $(BUILD)/bench/,clock.so raw.so cachefill.so parse.so late)
$(BUILD)/bench/raw.so: LIBRARIES += -levent
$(BUILD)/bench/parse.so: LIBRARIES += -lresolv
$(BUILD)/bench/cachefill.so $(BUILD)/bench/parse.so: $(filter-out $(BUILD)/lua/core.o,$(OBJECTS))
$(BUILD)/bench/%.so: $(BUILD)/spec/bench/%.o
	@mkdir -p $(@D) $(SAY_LD)
	$(Q)$(CC) -shared $(CFLAGS) $(LDFLAGS) -o $@ $^ $(LIBRARIES)

$(BUILD)/bench/late: spec/bench/late.c | packages
	@mkdir -p $(@D) $(SAY_CC)
	$(Q)$(CC) $(CPPFLAGS) $(CFLAGS) -std=c11 -D_GNU_SOURCE $(WARNINGS) $(LDFLAGS) -o $@ $<

$(BUILD)/spec/bench/%.o: spec/bench/%.c | packages
	@mkdir -p $(@D) $(SAY_CC)
	$(Q)$(COMPILE) -c -o $@ $<

-include $(OBJECTS:.o=.d) $(SPEC_OBJECTS:.o=.d) $(wildcard $(BUILD)/spec/bench/*.d)

# The Debian packages that the goals need, all at once. PACKAGES=no: whoever builds has seen to that.
packages:
	@[ '$(PACKAGES)' = no ] || LUA_VERSION=$(LUA_VERSION) sh .ci/packages build $(filter deb test-deb doc test demo compare bench every-lua every-rock every-libc lint sanitize fuzz soak,$(MAKECMDGOALS))

LUA_DIR      = $(if $(filter jit,$(LUA_VERSION)),5.1,$(LUA_VERSION))
LUA_LIBDIR  ?= $(PREFIX)/lib/lua/$(LUA_DIR)
LUA_SHAREDIR ?= $(PREFIX)/share/lua/$(LUA_DIR)
PLUGIN_DIR  ?= $(PREFIX)/lib/prosody/modules
BINDIR      ?= $(PREFIX)/bin
MANDIR      ?= $(PREFIX)/share/man
BASHDIR     ?= $(PREFIX)/share/bash-completion/completions
LUA_FILES    = $(shell find lua -name '*.lua')
install: all
	install -D -m 644 $(BUILD)/xmppdns/core.so $(DESTDIR)$(LUA_LIBDIR)/xmppdns/core.so
	for file in $(LUA_FILES:lua/%=%); do install -D -m 644 lua/$$file $(DESTDIR)$(LUA_SHAREDIR)/$$file || exit; done
	install -D -m 644 mod_xmppdns/mod_xmppdns.lua $(DESTDIR)$(PLUGIN_DIR)/mod_xmppdns.lua
	install -D -m 755 mod_xmppdns/xmppdns-check $(DESTDIR)$(BINDIR)/xmppdns-check
	sed -i '1s/lua$$/$(LUA)/' $(DESTDIR)$(BINDIR)/xmppdns-check
	install -D -m 644 mod_xmppdns/xmppdns-check.1 $(DESTDIR)$(MANDIR)/man1/xmppdns-check.1
	install -D -m 644 mod_xmppdns/contrib/xmppdns-check.bash $(DESTDIR)$(BASHDIR)/xmppdns-check

uninstall:
	rm -rf $(DESTDIR)$(LUA_LIBDIR)/xmppdns $(DESTDIR)$(LUA_SHAREDIR)/xmppdns
	rm -f $(DESTDIR)$(LUA_SHAREDIR)/xmppdns.lua $(DESTDIR)$(PLUGIN_DIR)/mod_xmppdns.lua $(DESTDIR)$(BINDIR)/xmppdns-check $(DESTDIR)$(MANDIR)/man1/xmppdns-check.1 $(DESTDIR)$(BASHDIR)/xmppdns-check

rockspec: # of the release, from that of the checkout
	@sh .ci/rockspec

deb: packages
	@sh .ci/deb

dist:
	@sh .ci/dist

page:
	@mkdir -p build && sh .ci/page >build/mod_xmppdns.md && echo build/mod_xmppdns.md

test-deb: packages
	@sh .ci/covered sh .ci/test-deb

doc: packages
	@sh .ci/doc build/doc

spec-modules: $(SPEC_MODULES)

test: all spec-modules
	@LUA=$(LUA) BUILD=$(BUILD) sh .ci/test $(SPECS)

matrix:
	@$(MAKE) --no-print-directory test SPECS=spec/xmppdns/prosody/verdict_spec.lua && cat build/matrix

test-busy:
	@sh .ci/busy $(MAKE) --no-print-directory test SPECS='$(SPECS)'

demo: all
	@KEEP=$(KEEP) STOCK=$(STOCK) LUA_VERSION=$(LUA_VERSION) $(LUA) spec/federation/demo.lua

compare: all
	@LUA_VERSION=$(LUA_VERSION) $(LUA) spec/federation/compare.lua

bench: all $(BENCH_FILES)
	@LUA=$(LUA) BINARIES=$(BUILD)/bench LUA_CPATH='./$(BUILD)/?.so;;' CASES='$(CASES)' ROUNDS='$(ROUNDS)' STORM='$(STORM)' $(LUA) spec/bench/bench.lua

bench-compare:
	@$(LUA) spec/bench/compare.lua

test-debian13 test-busy-debian13 matrix-debian13 demo-debian13 compare-debian13 bench-debian13 bench-compare-debian13 test-deb-debian13: %-debian13:
	@sh .ci/debian13 $* SPECS='$(SPECS)' JOBS='$(JOBS)' CASES='$(CASES)' ROUNDS='$(ROUNDS)' STORM='$(STORM)'

sanitize: all spec-modules
	@LUA=$(LUA) BUILD=$(BUILD) MAKE='$(MAKE)' sh spec/sanitize/run $(SANITIZERS)

fuzz: packages
	@LUA=$(LUA) SECONDS='$(SECONDS)' sh spec/fuzz/run $(TARGETS)

soak: all $(BUILD)/bench/clock.so
	@LUA_VERSION=$(LUA_VERSION) SECONDS='$(SECONDS)' $(LUA) spec/soak/soak.lua

every-lua: $(foreach cc,gcc clang,$(foreach lua,5.1 5.2 5.3 5.4 jit,every-lua/$(cc)/$(lua)))
every-lua/%: packages
	@$(MAKE) --no-print-directory all CC=$(*D) LUA_VERSION=$(*F) BUILD=build/$(*D)-$(*F) CFLAGS='$(CFLAGS) -Werror'

every-rock: packages
	@sh .ci/rocks

every-libc: packages
	@LUA=$(LUA) sh .ci/musl

lint: every-lua
	$(LUA) .ci/floors.lua
	clang-format --dry-run -Werror $(wildcard mod_xmppdns/src/*/*.[ch] spec/support/*.c spec/fuzz/*.[ch] spec/sanitize/*.c spec/bench/*.c)
	clang-tidy --quiet $(SOURCES) -- -std=c11 -D_GNU_SOURCE -Imod_xmppdns/src $(LUA_CFLAGS) 2>/dev/null
	cppcheck --quiet -Imod_xmppdns/src --enable=warning,performance,portability --inline-suppr --error-exitcode=1 $(SOURCES)
	luacheck --quiet lua mod_xmppdns spec .ci .busted
	mandoc -T lint -W warning mod_xmppdns/xmppdns-check.1

clean:
	rm -rf build

help:
	@sed -n 's/^## //p' Makefile

.SECONDARY: # what make may not remove: objects between sources and helpers
.PHONY: all packages install uninstall rockspec dist page doc deb test-deb test-deb-debian13 test test-busy matrix demo compare bench bench-compare test-debian13 test-busy-debian13 matrix-debian13 demo-debian13 compare-debian13 bench-debian13 bench-compare-debian13 sanitize fuzz soak spec-modules every-lua every-rock every-libc lint clean help
