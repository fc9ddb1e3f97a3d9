/** `node scripts/screenshot.mjs URL FILE [light|dark]`: what the console looks like in the system's Chromium. */
import { chromium } from 'playwright-core';

const [url = 'http://127.0.0.1:4400/', file = 'console.png', colorScheme = 'light', width = '1440', height = '1000'] =
  process.argv.slice(2);
const browser = await chromium.launch({
  executablePath: '/usr/bin/chromium',
  args: ['--no-sandbox', '--disable-gpu', '--disable-background-networking', '--disable-sync', '--no-first-run'],
});
const page = await browser.newPage({ viewport: { width: Number(width), height: Number(height) }, colorScheme });
const troubles = [];
page.on('pageerror', (error) => troubles.push(`error: ${error.message}`));
page.on('console', (message) => message.type() === 'error' && troubles.push(`console: ${message.text()}`));
await page.goto(url);
await page.waitForTimeout(7_000);
await page.screenshot({ path: file });
await browser.close();
for (const trouble of troubles) console.error(trouble);
process.exit(troubles.length > 0 ? 1 : 0);
