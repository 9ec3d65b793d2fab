# SPDX-License-Identifier: ISC
#
# Completion of durexec(1) for fish, 3.1 or newer. It starts nothing but "durexec
# preset": steps and parameters are read from the pipeline file on the line, or
# else from the copy of it that the latest run below .durexec keeps.

# --- the line -----------------------------------------------------------------

# What stands before the cursor, in six lines: the command ("start": a pipeline
# file; "call": behind exec, or behind step NAME --), the number of the word
# where a call begins, the file, --state-dir, --name, -C with a "/" behind it.
function __durexec_line
    set -l words (commandline -opc)
    set -l command ''
    set -l at 0
    set -l file ''
    set -l base ''
    set -l name ''
    set -l dir ''
    set -l i 2
    while test $i -le (count $words)
        set -l word $words[$i]
        set -l value
        switch $word
            case --
                if contains -- "$command" exec step
                    set command call
                    set at (math $i + 1)
                    break
                end
            case '--*=*'
                set value (string replace -r -- '^[^=]*=' '' $word)
                set word (string replace -r -- '=.*' '' $word)
            case -d -n -q -h --detach --dry-run --quiet --help --fresh \
                --no-wait --cron --no-output --any-args --test --mark
            case -C -j -c --directory --jobs --state-dir --run --name --color \
                --progress --only --until --attempt --timeout --result --keep
                set i (math $i + 1)
                set value $words[$i..$i]
            case '--*'
                # exec and step have many that take a word
                if test "$command" = exec
                    or test "$command" = step; and test $word != --stdin
                    set i (math $i + 1)
                end
            case '-?*'
            case '*'
                if test -z "$command"
                    set command start
                    if contains -- $word exec step status logs stop wait retry \
                            approve skip rewind history clean preset help
                        set command $word
                    else
                        set file $word
                    end
                else if test $command = exec
                    set command call
                    set at $i
                    break
                else if test -z "$file"; and string match -q -- '*.ini' $word
                    set file $word
                end
        end
        switch $word
            case -C --directory
                set dir $value/
            case --state-dir
                set base $value
            case --name
                set name $value
        end
        set i (math $i + 1)
    end
    # the next word of exec is its command
    test "$command" = exec; and set at $i
    test -z "$file"; or string match -q -- '/*' $file; or set file $dir$file
    test -z "$base"; or string match -q -- '/*' $base; or set base $dir$base
    printf '%s\n' "$command" $at "$file" "$base" "$name" "$dir"
end

function __durexec_is
    set -l line (__durexec_line)
    contains -- "$line[1]" $argv
end

function __durexec_not
    not __durexec_is $argv
end

function __durexec_is_verb
    __durexec_is status logs stop wait retry approve skip rewind history clean
end

# A command behind exec or step, completed as if it stood alone.
function __durexec_call
    set -l at (__durexec_line)[2]
    set -l words (commandline -opc)
    complete -C "$(string escape -- $words[$at..-1]) $(commandline -ct)"
end

# --- what there is to offer ---------------------------------------------------

# Where "durexec exec" keeps its runs.
function __durexec_home
    set -l home $HOME/.local/state
    set -q XDG_STATE_HOME; and set home $XDG_STATE_HOME
    if set -q DUREXEC_STATE_DIR
        echo $DUREXEC_STATE_DIR
    else
        echo $home/durexec
    end
end

# NAME/latest of the latest run below a directory.
function __durexec_latest
    set -l latest
    for run in $argv/*/latest
        test -e $run/pipeline.ini; or continue
        test -z "$latest"; or test $run/state -nt $latest/state
        and set latest $run
    end
    test -n "$latest"; and echo $latest
end

# A pipeline file, or a directory on the way to one.
function __durexec_pipelines
    set -l line (__durexec_line)
    test -z "$line[3]"; or return
    set -l dir $line[6]
    set -l word (commandline -ct)
    for path in $dir$word*.ini $dir$word*/
        string replace -- "$dir" '' $path
    end
end

function __durexec_is_value
    string match -qr -- '^[A-Za-z_]\w*=' (commandline -ct)
    and __durexec_not exec step call
end

# The pipeline at hand.
function __durexec_ini
    set -l line (__durexec_line)
    set -l base $line[4]
    if test -n "$line[3]"
        echo $line[3]
    else if test -n "$line[5]"
        test -n "$base"; or set base (__durexec_home)
        echo $base/$line[5]/exec.ini
    else
        test -n "$base"; or set base $line[6].durexec
        set -q DUREXEC_STATE_DIR; and set base $DUREXEC_STATE_DIR
        set -l run (__durexec_latest $base; or __durexec_latest (__durexec_home))
        and echo $run/pipeline.ini
    end
end

function __durexec_steps
    set -l ini (__durexec_ini)
    and string replace -fr '^\[\s*step\s+([A-Za-z0-9_.-]*)\s*\].*' '$1' <$ini 2>/dev/null
end

# For --only: behind those that are there.
function __durexec_step_list
    set -l given (string replace -r -- '^--only=' '' (commandline -ct) |
        string match -r -- '.*,')
    printf "$given%s\n" (__durexec_steps)
end

function __durexec_params
    set -l line (__durexec_line)
    test -n "$line[3]"; or return
    set -l on no
    while read -l text
        switch $text
            case '[*'
                set on no
                string match -qr '^\[\s*params\s*\]' -- $text; and set on yes
            case '*'
                test $on = yes
                and string replace -fr '^([A-Za-z_][A-Za-z0-9_]*)\s*=.*' '$1=' -- $text
        end
    end <$line[3] 2>/dev/null
end

function __durexec_runs
    set -l line (__durexec_line)
    set -l ini (__durexec_ini); or return
    switch $ini
        case '*/latest/pipeline.ini'
            set ini (string replace /latest/pipeline.ini '' $ini)
        case '*/exec.ini'
            set ini (string replace /exec.ini '' $ini)
        case '*'
            set -l base (string replace -fr '[^/]*$' '' ./$ini).durexec
            string match -q -- '/*' $ini; and set base (dirname $ini)/.durexec
            set -q DUREXEC_STATE_DIR; and set base $DUREXEC_STATE_DIR
            test -z "$line[4]"; or set base $line[4]
            set ini $base/(basename $ini .ini)
    end
    for run in $ini/*/state $ini@*/*/state
        string match -r '\d[^/]*(?=/state$)' $run
    end
end

function __durexec_names
    set -l line (__durexec_line)
    set -l base $line[4]
    test -n "$base"; or set base (__durexec_home)
    set -l found $base/*/exec.ini
    string match -r '[^/]*(?=/exec.ini$)' $found
end

function __durexec_presets
    set -l words (commandline -opc)
    $words[1] preset </dev/null 2>/dev/null | string replace -r ' +' \t
end

# --- what is offered where ----------------------------------------------------

complete -c durexec -f
complete -c durexec -n '__durexec_is call exec' -a '(__durexec_call)'
complete -c durexec -n '__durexec_is ""' -a '(__durexec_pipelines)'
complete -c durexec -n '__durexec_is ""' -a exec -d 'A command as a run of one step'
complete -c durexec -n '__durexec_is ""' -a step -d 'In such a script: runs once'
complete -c durexec -n '__durexec_is ""' -a status -d 'Where it stands'
complete -c durexec -n '__durexec_is ""' -a logs -d 'What steps wrote'
complete -c durexec -n '__durexec_is ""' -a stop -d 'Stop as Ctrl+C does'
complete -c durexec -n '__durexec_is ""' -a wait -d 'Until the run ends'
complete -c durexec -n '__durexec_is ""' -a retry -d 'Try again what is in review'
complete -c durexec -n '__durexec_is ""' -a approve -d 'Count it as done'
complete -c durexec -n '__durexec_is ""' -a skip -d 'Leave it out'
complete -c durexec -n '__durexec_is ""' -a rewind -d 'Do it again, and all that needs it'
complete -c durexec -n '__durexec_is ""' -a history -d 'Earlier runs'
complete -c durexec -n '__durexec_is ""' -a clean -d 'Remove finished runs'
complete -c durexec -n '__durexec_is ""' -a preset -d 'What is known of programs'
complete -c durexec -n '__durexec_is ""' -a help -d Help

# a pipeline file, a step, a parameter
complete -c durexec -n __durexec_is_verb -a '(__durexec_pipelines)'
complete -c durexec -n '__durexec_is logs retry approve skip rewind' -k -a '(__durexec_steps)' -d Step
complete -c durexec -n '__durexec_is start; or __durexec_is_verb' -a '(__durexec_params)' -d Parameter
complete -c durexec -n __durexec_is_value -F
complete -c durexec -n '__durexec_is preset' -a '(__durexec_presets)'
complete -c durexec -n '__durexec_is step' -a -- -d 'The command follows'

# options of everything but exec and step
complete -c durexec -n '__durexec_not exec step call help' -l state-dir -x -a '(__fish_complete_directories)' -d 'Where runs are kept'
complete -c durexec -n '__durexec_not step call help' -s q -l quiet -d 'Failures only'
complete -c durexec -n '__durexec_not exec step call help' -s v -l verbose -d 'Say more'
complete -c durexec -n '__durexec_not exec step call help' -l color -x -a 'auto always never' -d Colours
complete -c durexec -n '__durexec_not step call help' -s C -l directory -x -a '(__fish_complete_directories)' -d 'Go there first'
complete -c durexec -n '__durexec_not call help' -s h -l help -d Help
complete -c durexec -n '__durexec_not exec step call help' -s V -l version -d Version

# of a pipeline file
complete -c durexec -n '__durexec_is "" start' -l resume -d 'Go on, and try again what failed'
complete -c durexec -n '__durexec_is "" start' -s n -l dry-run -d 'Check only'
complete -c durexec -n '__durexec_is "" start' -s d -l detach -d 'Return once it is under way'
complete -c durexec -n '__durexec_is "" start' -l fresh -d 'Close the unfinished run, start a new one'
complete -c durexec -n '__durexec_is "" start' -l rescan -d 'Ask for the items of fan-outs again'
complete -c durexec -n '__durexec_is "" start' -l rerun-stale -d 'Run again what is done and has changed'
complete -c durexec -n '__durexec_is "" start' -l fail-fast -d 'After a failure start nothing new'
complete -c durexec -n '__durexec_is "" start' -s j -l jobs -x -d 'So many steps at a time'
complete -c durexec -n '__durexec_is "" start' -l no-wait -d 'Do not stay for a time that is waited for'
complete -c durexec -n '__durexec_is "" start' -l cron -d 'Silent unless something fails'
complete -c durexec -n '__durexec_is "" start' -l only -x -a '(__durexec_step_list)' -d 'Just these steps'
complete -c durexec -n '__durexec_is "" start' -l until -x -a '(__durexec_steps)' -d 'Just this step and what it needs'
complete -c durexec -n '__durexec_is "" start' -l progress -x -a 'auto live plain none' -d 'How it is shown'
complete -c durexec -n '__durexec_is "" start' -l json -d 'One object a line'

# of verbs
complete -c durexec -n '__durexec_is_verb; and not __durexec_is clean' -l run -x -a '(__durexec_runs)' -d 'This run instead of the latest'
complete -c durexec -n __durexec_is_verb -l name -x -a '(__durexec_names)' -d 'The run that exec calls so'
complete -c durexec -n '__durexec_is status history' -l json -d 'For programs'
complete -c durexec -n '__durexec_is status' -l all -d 'Every item'
complete -c durexec -n '__durexec_is logs' -s f -l follow -d 'Go on while it runs'
complete -c durexec -n '__durexec_is logs' -l attempt -x -d 'This one instead of the last'
complete -c durexec -n '__durexec_is logs' -l stdout -d 'Standard output only'
complete -c durexec -n '__durexec_is logs' -l stderr -d 'Standard error only'
complete -c durexec -n '__durexec_is stop' -l drain -d 'Let running steps finish'
complete -c durexec -n '__durexec_is stop' -l now -d Kill
complete -c durexec -n '__durexec_is wait' -l timeout -x -d 'No longer'
complete -c durexec -n '__durexec_is retry' -l failed -d 'All that failed'
complete -c durexec -n '__durexec_is approve' -l result -x -d 'The step\'s result'
complete -c durexec -n '__durexec_is retry approve skip rewind' -l go -d 'And continue at once'
complete -c durexec -n '__durexec_is clean' -l keep -x -d 'So many of the newest'
complete -c durexec -n '__durexec_is clean' -s n -l dry-run -d 'Only say which'

# of exec and of step: keys of a step
complete -c durexec -n '__durexec_is exec step' -l retries -x -d 'So many further attempts'
complete -c durexec -n '__durexec_is exec step' -l retry-delay -x -d 'The wait before the first of them'
complete -c durexec -n '__durexec_is exec step' -l retry-factor -x -d 'Each wait so many times as long'
complete -c durexec -n '__durexec_is exec step' -l retry-max-delay -x -d 'No wait is longer'
complete -c durexec -n '__durexec_is exec step' -l retry-jitter -x -d 'A share by chance'
complete -c durexec -n '__durexec_is exec step' -l retry-on -x -d 'Exit codes to retry'
complete -c durexec -n '__durexec_is exec step' -l retry-if -x -d 'Output to retry'
complete -c durexec -n '__durexec_is exec step' -l give-up-on -x -d 'Exit codes not worth a retry'
complete -c durexec -n '__durexec_is exec step' -l give-up-if -x -d 'Output not worth a retry'
complete -c durexec -n '__durexec_is exec step' -l wait-if -x -d 'Output that speaks of a limit'
complete -c durexec -n '__durexec_is exec step' -l wait-max -x -d 'Wait no longer for a limit'
complete -c durexec -n '__durexec_is exec step' -l timeout -x -d 'Of each attempt'
complete -c durexec -n '__durexec_is exec step' -l idle-timeout -x -d 'No output for so long'
complete -c durexec -n '__durexec_is exec step' -l stop-signal -x -a 'TERM INT HUP QUIT KILL USR1 USR2' -d 'How it is stopped'
complete -c durexec -n '__durexec_is exec step' -l stop-grace -x -d 'Then kill'
complete -c durexec -n '__durexec_is exec step' -l ok-exit -x -d 'Exit codes that are success'
complete -c durexec -n '__durexec_is exec step' -l fail-if -x -d 'Output that makes success a failure'
complete -c durexec -n '__durexec_is exec step' -l ok-if -x -d 'Output that success needs'
complete -c durexec -n '__durexec_is exec step' -l env -x -d 'A variable'
complete -c durexec -n '__durexec_is exec step' -l unset-env -x -d 'Variables not inherited'
complete -c durexec -n '__durexec_is exec step' -l max-output -x -d 'Stop when it writes more'
complete -c durexec -n '__durexec_is exec step' -l preset -x -a '(__durexec_presets)' -d 'What is known of a program'

# of exec
complete -c durexec -n '__durexec_is exec' -l rerun -x -a 'safe never' -d 'What an interrupted attempt means'
complete -c durexec -n '__durexec_is exec' -l resume-run -x -d 'Command of a later attempt'
complete -c durexec -n '__durexec_is exec' -l outputs -r -F -d 'Files that must be there'
complete -c durexec -n '__durexec_is exec' -l outputs-fresh -x -a 'yes no' -d 'They must have changed'
complete -c durexec -n '__durexec_is exec' -l verify -x -d 'A command that must succeed as well'
complete -c durexec -n '__durexec_is exec' -l verify-timeout -x -d 'Of each of them'
complete -c durexec -n '__durexec_is exec' -l receipt -x -d 'Output that proves that it happened'
complete -c durexec -n '__durexec_is exec' -l stdin -r -F -d 'What it reads'
complete -c durexec -n '__durexec_is exec' -l stdout -r -F -d 'Where its output is placed'
complete -c durexec -n '__durexec_is exec' -l env-file -r -F -d 'NAME=VALUE lines'
complete -c durexec -n '__durexec_is exec' -l workdir -x -a '(__fish_complete_directories)' -d 'Where it runs'
complete -c durexec -n '__durexec_is exec' -l umask -x -d 'Bits new files do not get'
complete -c durexec -n '__durexec_is exec' -l nice -x -d Niceness
complete -c durexec -n '__durexec_is exec' -l secrets -x -d 'Variables that are not shown'
complete -c durexec -n '__durexec_is exec' -l requires -x -d 'What must be there'
complete -c durexec -n '__durexec_is exec' -l check -x -d 'A command that must succeed before'
complete -c durexec -n '__durexec_is exec' -l cost -x -d 'Of an attempt'
complete -c durexec -n '__durexec_is exec' -l cost-from -x -d 'Output that names it'
complete -c durexec -n '__durexec_is exec' -l name -x -d 'What the run is called'
complete -c durexec -n '__durexec_is exec' -l max-age -x -d 'An older unfinished run is closed'
complete -c durexec -n '__durexec_is exec' -l fresh -d 'Close the unfinished run, start a new one'
complete -c durexec -n '__durexec_is exec' -l no-wait -d 'Do not stay for a time that is waited for'
complete -c durexec -n '__durexec_is exec' -l cron -d 'Silent unless it fails'
complete -c durexec -n '__durexec_is exec' -l state-dir -x -a '(__fish_complete_directories)' -d 'Where runs are kept'
complete -c durexec -n '__durexec_is exec' -s d -l detach -d 'Return once it is under way'
complete -c durexec -n '__durexec_is exec' -s n -l dry-run -d 'Check only'

# of step
complete -c durexec -n '__durexec_is step' -l stdin -d 'Its input is compared when it is replayed'
complete -c durexec -n '__durexec_is step' -l no-output -d 'What it writes is not recorded'
complete -c durexec -n '__durexec_is step' -l any-args -d 'The name alone says which call it is'
complete -c durexec -n '__durexec_is step' -l test -d 'Was NAME marked?'
complete -c durexec -n '__durexec_is step' -l mark -d 'Remember NAME'
complete -c durexec -n '__durexec_is step' -s c -l command -x -d 'A script instead of a command'
