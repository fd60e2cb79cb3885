# SPDX-License-Identifier: MIT
# SPDX-FileCopyrightText: 2026 the mod_xmppdns founders
# Completion for bash: options of xmppdns-check, and the files and words that they take.
# Debian: copy it to /usr/share/bash-completion/completions/xmppdns-check.

_xmppdns_check() {
	local current=$2 previous=$3 option
	[ "$previous" != = ] || previous=${COMP_WORDS[COMP_CWORD-2]}
	COMPREPLY=()
	case $previous in
		--cafile | --certificate | --resolvconf | --trustfile) mapfile -t COMPREPLY < <(compgen -f -- "$current"); return ;;
		--colour) mapfile -t COMPREPLY < <(compgen -W 'always never auto' -- "$current"); return ;;
		--usage) mapfile -t COMPREPLY < <(compgen -W "'3 1 1' '3 0 1' '2 1 1' '2 0 1'" -- "$current"); return ;;
		--help) mapfile -t COMPREPLY < <(compgen -W 'json' -- "$current"); return ;;
		--expires | --forward | --set | --timeout) return ;;
	esac
	case $current in
		-*)
			option=$(xmppdns-check --help 2>/dev/null | grep -o -e '--[a-z]*' | sort -u)
			mapfile -t COMPREPLY < <(compgen -W "$option" -- "$current")
			;;
		*) mapfile -t COMPREPLY < <(compgen -A hostname -- "$current") ;;
	esac
}

complete -F _xmppdns_check xmppdns-check
