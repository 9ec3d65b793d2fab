" SPDX-License-Identifier: ISC
"
" A file *.ini is a pipeline file of durexec when one of its first 1000 lines is
" a section that only these have.

function! s:detect() abort
  for l:line in getline(1, 1000)
    if l:line =~# '^\[\s*\%(step\|preset\|pool\)\s\+[A-Za-z0-9_.-]\+\s*\]\s*$'
      set filetype=durexec
      return
    endif
  endfor
endfunction

autocmd BufNewFile,BufRead *.ini call s:detect()
