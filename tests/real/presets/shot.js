// SPDX-License-Identifier: ISC
// shot.js URL OUT.png [BROWSER]: a screenshot, as a user's script would take it
"use strict";
const { chromium } = require("playwright-core");

async function main(url, out, executablePath) {
	const browser = await chromium.launch({
		executablePath,
		// its sandbox cannot be had as root
		chromiumSandbox: process.getuid() !== 0,
	});
	try {
		const page = await browser.newPage();
		await page.goto(url);
		await page.screenshot({ path: out });
	} finally {
		await browser.close();
	}
}

main(...process.argv.slice(2)).catch((error) => {
	console.error(error);
	process.exitCode = 1;
});
