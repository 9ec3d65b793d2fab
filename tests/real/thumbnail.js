// SPDX-License-Identifier: ISC
// thumbnail.js TEMPLATE.html METADATA.json OUT.png
"use strict";
const fs = require("fs");
const path = require("path");
const { pathToFileURL } = require("url");
const { chromium } = require("playwright-core");

async function main(template, metadata, out) {
	const made = JSON.parse(fs.readFileSync(metadata, "utf8"));
	const url = pathToFileURL(path.resolve(template));
	url.searchParams.set("title", made.title);
	url.searchParams.set("subtitle", made.keywords.slice(0, 3).join(" · "));
	const browser = await chromium.launch({
		executablePath: process.env.CHROMIUM || "/usr/bin/chromium",
		// its sandbox cannot be had as root
		chromiumSandbox: process.getuid() !== 0,
	});
	try {
		const page = await browser.newPage({ viewport: { width: 1280, height: 720 } });
		await page.goto(url.href);
		await page.waitForSelector(".ready");
		await page.screenshot({ path: out + ".tmp.png" });
		console.log(browser.version(), await page.textContent("h1"));
	} finally {
		await browser.close();
	}
	fs.renameSync(out + ".tmp.png", out);
}

main(...process.argv.slice(2)).catch((error) => {
	console.error(error);
	process.exitCode = 1;
});
