rockspec_format = "3.0"
package = "mod_xmppdns"
version = "scm-1"
source = {
   url = "git+https://example.invalid/mod_xmppdns.git" -- build from a checkout: luarocks make
}
description = {
   summary = "DNSSEC-validated server discovery for Prosody",
   detailed = "A C module over libunbound, a Lua library and a Prosody plugin that find XMPP servers through validated DNS.",
   license = "MIT",
   labels = { "xmpp", "prosody", "dns", "dnssec" }
}
supported_platforms = { "linux" }
dependencies = {
   "lua >= 5.1, < 5.5",
   "dkjson >= 2.5" -- for xmppdns-check --json alone
}
external_dependencies = {
   UNBOUND = { header = "unbound.h", library = "unbound" },
   IDN2 = { header = "idn2.h", library = "idn2" }
}
build = {
   type = "builtin",
   modules = {
      ["xmppdns.core"] = {
         sources = {
            "mod_xmppdns/src/base/file.c",
            "mod_xmppdns/src/base/hash.c",
            "mod_xmppdns/src/base/heap.c",
            "mod_xmppdns/src/base/mailbox.c",
            "mod_xmppdns/src/base/problem.c",
            "mod_xmppdns/src/base/route.c",
            "mod_xmppdns/src/base/slots.c",
            "mod_xmppdns/src/base/spelling.c",
            "mod_xmppdns/src/base/table.c",
            "mod_xmppdns/src/base/text_list.c",
            "mod_xmppdns/src/dns/answer.c",
            "mod_xmppdns/src/dns/name.c",
            "mod_xmppdns/src/dns/packet.c",
            "mod_xmppdns/src/dns/rdata.c",
            "mod_xmppdns/src/dns/srv.c",
            "mod_xmppdns/src/lua/core.c",
            "mod_xmppdns/src/lua/lua_answer.c",
            "mod_xmppdns/src/lua/lua_name.c",
            "mod_xmppdns/src/lua/lua_rdata.c",
            "mod_xmppdns/src/lua/lua_resolver.c",
            "mod_xmppdns/src/lua/lua_route.c",
            "mod_xmppdns/src/lua/lua_settings.c",
            "mod_xmppdns/src/lua/lua_srv.c",
            "mod_xmppdns/src/resolver/cache.c",
            "mod_xmppdns/src/resolver/generation.c",
            "mod_xmppdns/src/resolver/pending.c",
            "mod_xmppdns/src/resolver/query.c",
            "mod_xmppdns/src/resolver/resolver.c",
            "mod_xmppdns/src/settings/address.c",
            "mod_xmppdns/src/settings/anchors.c",
            "mod_xmppdns/src/settings/raw_option.c",
            "mod_xmppdns/src/settings/settings.c",
            "mod_xmppdns/src/settings/system_files.c",
            "mod_xmppdns/src/settings/upstream.c",
            "mod_xmppdns/src/unbound/context.c",
            "mod_xmppdns/src/unbound/event_loop.c",
            "mod_xmppdns/src/unbound/log.c"
         },
         defines = { "_GNU_SOURCE" },
         libraries = { "unbound", "idn2", "pthread" },
         incdirs = { "mod_xmppdns/src", "$(UNBOUND_INCDIR)", "$(IDN2_INCDIR)" },
         libdirs = { "$(UNBOUND_LIBDIR)", "$(IDN2_LIBDIR)" }
      },
      xmppdns = "lua/xmppdns.lua",
      ["xmppdns.check.command"] = "lua/xmppdns/check/command.lua",
      ["xmppdns.check.domain"] = "lua/xmppdns/check/domain.lua",
      ["xmppdns.check.json"] = "lua/xmppdns/check/json.lua",
      ["xmppdns.check.probe"] = "lua/xmppdns/check/probe.lua",
      ["xmppdns.check.tasks"] = "lua/xmppdns/check/tasks.lua",
      ["xmppdns.check.tree"] = "lua/xmppdns/check/tree.lua",
      ["xmppdns.plan.admission"] = "lua/xmppdns/plan/admission.lua",
      ["xmppdns.plan.delays"] = "lua/xmppdns/plan/delays.lua",
      ["xmppdns.plan.endpoint"] = "lua/xmppdns/plan/endpoint.lua",
      ["xmppdns.plan.outcome"] = "lua/xmppdns/plan/outcome.lua",
      ["xmppdns.plan.plan"] = "lua/xmppdns/plan/plan.lua",
      ["xmppdns.plan.prefetch"] = "lua/xmppdns/plan/prefetch.lua",
      ["xmppdns.plan.tlsa"] = "lua/xmppdns/plan/tlsa.lua",
      ["xmppdns.prosody.adns"] = "lua/xmppdns/prosody/adns.lua",
      ["xmppdns.prosody.autotrust"] = "lua/xmppdns/prosody/autotrust.lua",
      ["xmppdns.prosody.checkup"] = "lua/xmppdns/prosody/checkup.lua",
      ["xmppdns.prosody.configuration"] = "lua/xmppdns/prosody/configuration.lua",
      ["xmppdns.prosody.dial_012"] = "lua/xmppdns/prosody/dial_012.lua",
      ["xmppdns.prosody.dial_13"] = "lua/xmppdns/prosody/dial_13.lua",
      ["xmppdns.prosody.failover"] = "lua/xmppdns/prosody/failover.lua",
      ["xmppdns.prosody.identity"] = "lua/xmppdns/prosody/identity.lua",
      ["xmppdns.prosody.inbound"] = "lua/xmppdns/prosody/inbound.lua",
      ["xmppdns.prosody.logging"] = "lua/xmppdns/prosody/logging.lua",
      ["xmppdns.prosody.match"] = "lua/xmppdns/prosody/match.lua",
      ["xmppdns.prosody.metrics"] = "lua/xmppdns/prosody/metrics.lua",
      ["xmppdns.prosody.modules"] = "lua/xmppdns/prosody/modules.lua",
      ["xmppdns.prosody.outbound"] = "lua/xmppdns/prosody/outbound.lua",
      ["xmppdns.prosody.policy"] = "lua/xmppdns/prosody/policy.lua",
      ["xmppdns.prosody.s2s_resolver"] = "lua/xmppdns/prosody/s2s_resolver.lua",
      ["xmppdns.prosody.shell"] = "lua/xmppdns/prosody/shell.lua",
      ["xmppdns.prosody.spelling"] = "lua/xmppdns/prosody/spelling.lua",
      ["xmppdns.resolver"] = "lua/xmppdns/resolver.lua",
      ["xmppdns.timers"] = "lua/xmppdns/timers.lua",
      ["xmppdns.trust.anchors"] = "lua/xmppdns/trust/anchors.lua",
      ["xmppdns.trust.health"] = "lua/xmppdns/trust/health.lua",
      ["mod_xmppdns.mod_xmppdns"] = "mod_xmppdns/mod_xmppdns.lua" -- where Prosody looks for it below a plugin path
   },
   install = {
      bin = { ["xmppdns-check"] = "mod_xmppdns/xmppdns-check" }
   }
}
