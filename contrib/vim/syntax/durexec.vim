" SPDX-License-Identifier: ISC
"
" Pipeline files of durexec. A value goes on over indented and blank lines, and
" over comments, which are lines with ";" or "#" in column 0; scripts are shell.
" A key that its section does not have is shown as an error.

if exists('b:current_syntax')
  finish
endif

" It is bash that scripts are given to.
let b:is_bash = 1
syntax include @durexecShell syntax/sh.vim
unlet! b:current_syntax
syntax case match

" --- sections -----------------------------------------------------------------

syntax match durexecUnknown "^\S.*$"
" inside of a script, too, whatever a shell would make of it
syntax match durexecComment "^[;#].*$" contains=@Spell containedin=durexecValue,durexecPattern,durexecScript,durexecHere,sh.*,ksh.*,bash.*

syntax region durexecPipeline matchgroup=durexecSection start="^\[\s*pipeline\s*\]" end="^\ze\[" contains=durexecUnknown,durexecComment,@durexecPipelineKeys keepend fold
syntax region durexecParams matchgroup=durexecSection start="^\[\s*params\s*\]" end="^\ze\[" contains=durexecUnknown,durexecComment,durexecParam keepend fold
syntax region durexecPool matchgroup=durexecSection start="^\[\s*pool\s\+[A-Za-z0-9_.-]\+\s*\]" end="^\ze\[" contains=durexecUnknown,durexecComment,@durexecPoolKeys keepend fold
syntax region durexecStep matchgroup=durexecSection start="^\[\s*step\s\+[A-Za-z0-9_.-]\+\s*\]" start="^\[\s*defaults\s*\]" end="^\ze\[" contains=durexecUnknown,durexecComment,@durexecStepKeys,@durexecOwnKeys keepend fold
syntax region durexecPreset matchgroup=durexecSection start="^\[\s*preset\s\+[A-Za-z0-9_.-]\+\s*\]" end="^\ze\[" contains=durexecUnknown,durexecComment,@durexecStepKeys keepend fold

" --- keys: those of src/keys.c -------------------------------------------------

syntax match durexecPipelineKey "^\%(
      \name\|description\|jobs\|shell\|workdir\|state_dir\|timeout\|
      \env_file\|fail_fast\|keep_runs\|keep_logs\|when_done\|
      \max_age\|budget\|env\.[A-Za-z0-9_-]\+
      \\)\ze\s*=" contained nextgroup=durexecValue skipwhite
syntax cluster durexecPipelineKeys add=durexecPipelineKey

syntax match durexecPipelineScriptKey "^\%(
      \on_done\|on_review\|on_wait\|on_exit
      \\)\ze\s*=" contained nextgroup=durexecScript skipwhite
syntax cluster durexecPipelineKeys add=durexecPipelineScriptKey

syntax match durexecPoolKey "^\%(
      \slots\|min_interval\|scope
      \\)\ze\s*=" contained nextgroup=durexecValue skipwhite
syntax cluster durexecPoolKeys add=durexecPoolKey

syntax match durexecStepKey "^\%(
      \foreach\|parallel\|always\|allow_failure\|review\|
      \retries\|retry_delay\|retry_factor\|retry_max_delay\|
      \retry_jitter\|retry_on\|give_up_on\|wait_max\|rerun\|timeout\|
      \idle_timeout\|stop_signal\|stop_grace\|ok_exit\|outputs\|
      \outputs_fresh\|verify_timeout\|inputs\|stdin\|stdout\|
      \unset_env\|env_file\|workdir\|umask\|nice\|secrets\|
      \max_output\|requires\|pool\|cost\|env\.[A-Za-z0-9_-]\+
      \\)\ze\s*=" contained nextgroup=durexecValue skipwhite
syntax cluster durexecStepKeys add=durexecStepKey

syntax match durexecStepPatternKey "^\%(
      \retry_if\|give_up_if\|wait_if\|fail_if\|ok_if\|receipt\|
      \cost_from
      \\)\ze\s*=" contained nextgroup=durexecPattern skipwhite
syntax cluster durexecStepKeys add=durexecStepPatternKey

syntax match durexecStepScriptKey "^\%(
      \foreach_from\|resume_run\|check\|
      \verify\.[A-Za-z0-9_-]\+
      \\)\ze\s*=" contained nextgroup=durexecScript skipwhite
syntax cluster durexecStepKeys add=durexecStepScriptKey

" a step's own, which no preset has
syntax match durexecOwnKey "^\%(needs\|preset\)\ze\s*=" contained nextgroup=durexecValue skipwhite
syntax cluster durexecOwnKeys add=durexecOwnKey

syntax match durexecOwnScriptKey "^\%(run\|if\)\ze\s*=" contained nextgroup=durexecScript skipwhite
syntax cluster durexecOwnKeys add=durexecOwnScriptKey

syntax match durexecParam "^[A-Za-z_][A-Za-z0-9_]*\ze\s*=" contained nextgroup=durexecValue skipwhite

" --- values: up to the next line that begins in column 0 and is no comment ----

syntax region durexecValue matchgroup=durexecEquals start="=" end="^\ze[^ \t\r;#]" contained contains=durexecReference,durexecLiteral,durexecWord,durexecNumber,durexecStepOf keepend
syntax region durexecPattern matchgroup=durexecEquals start="=" end="^\ze[^ \t\r;#]" contained contains=durexecReference,durexecLiteral,durexecRegex keepend
syntax region durexecScript matchgroup=durexecEquals start="=" end="^\ze[^ \t\r;#]" contained contains=@durexecShell keepend

" The word that ends a here-document is indented as the script is.
syntax region durexecHere matchgroup=shRedir start="<<-\=\s*\\\=\z([A-Za-z0-9_]\+\)" end="^\s*\z1\s*$" contained containedin=durexecScript,sh.*,ksh.*,bash.* contains=@shDblQuoteList
syntax region durexecHere matchgroup=shRedir start="<<-\=\s*\(['\"]\)\z([^'\"]\+\)\1" end="^\s*\z1\s*$" contained containedin=durexecScript,sh.*,ksh.*,bash.*

syntax match durexecReference "\${[A-Za-z_][A-Za-z0-9_]*}" contained
syntax match durexecLiteral "\$\${" contained
syntax keyword durexecWord contained yes no true false on off safe never done review null leave again all failed run machine
syntax match durexecNumber "\<[0-9]\+\%([.][0-9]\+\)\=\%(ms\|[smhdKMGT%]\)\=\>" contained
syntax match durexecStepOf "\<step:[A-Za-z0-9_.-]\+" contained
syntax match durexecRegex "\\.\|[][(){}|*+?^$.]" contained

" A value may be longer than what is on the screen.
syntax sync minlines=200 maxlines=2000

highlight default link durexecSection Structure
highlight default link durexecPipelineKey Identifier
highlight default link durexecPipelineScriptKey Statement
highlight default link durexecPoolKey Identifier
highlight default link durexecStepKey Identifier
highlight default link durexecStepPatternKey Identifier
highlight default link durexecStepScriptKey Statement
highlight default link durexecOwnKey Identifier
highlight default link durexecOwnScriptKey Statement
highlight default link durexecParam Identifier
highlight default link durexecEquals Operator
highlight default link durexecUnknown Error
highlight default link durexecComment Comment
highlight default link durexecReference PreProc
highlight default link durexecLiteral Special
highlight default link durexecWord Constant
highlight default link durexecNumber Number
highlight default link durexecStepOf Constant
highlight default link durexecHere String
highlight default link durexecPattern String
highlight default link durexecRegex Special

let b:current_syntax = 'durexec'
