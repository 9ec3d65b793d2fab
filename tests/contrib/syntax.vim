" SPDX-License-Identifier: ISC
"
" vim -es -u NONE -S syntax.vim: opens each file of $FILES (one a line), and writes
" into $SAID, for the first character of each line (of syntax.ini: for all) that is
" no blank, what is highlighted there: "FILE LINE COLUMN GROUP ...", from the
" outermost syntax group to the innermost.
set nocompatible
let &runtimepath = $CONTRIB . '/vim,' . $VIMRUNTIME
filetype plugin on
syntax on
set synmaxcol=0
let s:said = []
for s:file in split($FILES, "\n")
  execute 'edit' fnameescape(s:file)
  call add(s:said, s:file . ' filetype ' . &filetype)
  if &filetype ==# 'durexec'
    call add(s:said, s:file . ' commentstring ' . &commentstring)
    syntax sync fromstart
    for s:line in range(1, line('$'))
      let s:text = getline(s:line)
      for s:column in range(1, len(s:text))
        if s:text[s:column - 1] =~# '\s'
          continue
        endif
        call add(s:said, join([s:file, s:line, s:column]
              \ + map(synstack(s:line, s:column), 'synIDattr(v:val, "name")')))
        if s:file !~# 'syntax\.ini$'
          break
        endif
      endfor
    endfor
  endif
endfor
call writefile(s:said, $SAID)
quitall!
