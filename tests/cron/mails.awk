# SPDX-License-Identifier: ISC
# awk -v word=WORD -v out=FILE -f mails.awk MBOX: the bodies of the mails that
# have WORD in their subject, as FILE.1, FILE.2, …; prints how many there are.
# The blank line in front of each "From " belongs to the mailbox.
BEGIN { blank = 1 }
/^From / && blank { head = 1; mine = blanks = 0 }
!head && mine && $0 == "" { blanks++ }
!head && mine && $0 != "" {
	for (; blanks; blanks--)
		print "" >(out "." n)
	print >(out "." n)
}
head && /^Subject: / && index($0, word) { mine = 1; n++ }
head && $0 == "" {
	head = 0
	if (mine)
		printf "" >(out "." n)
}
{ blank = $0 == "" }
END { print n + 0 }
