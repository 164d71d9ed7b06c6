//! The page as a whole: its head, its order, its looks.

use super::html::escape;
use super::input::ReportInput;
use super::{charts, sections};
use crate::curve::STYLE as CURVE_STYLE;
use crate::{Metrics, Timings};

/// Nothing is loaded and nothing runs, whatever a sample or a file name holds.
const POLICY: &str = "default-src 'none'; style-src 'unsafe-inline'";

const STYLE: &str = "\
:root{color-scheme:light dark;--ink:#1c2128;--pale:#5c6570;--rule:#dfe3e8;--paper:#ffffff;--panel:#f6f7f9;--mark:#0b63b0}
@media (prefers-color-scheme:dark){:root{--ink:#e6e9ee;--pale:#a2abb6;--rule:#2d333b;--paper:#14171c;--panel:#1c2027;\
--mark:#6cb2f5}}
*{box-sizing:border-box}
body{margin:0;background:var(--paper);color:var(--ink);font:16px/1.55 system-ui,sans-serif}
main{max-width:1120px;margin:0 auto;padding:28px 20px 56px}
h1{font-size:1.7rem;line-height:1.25;margin:0 0 .4rem;overflow-wrap:anywhere}
h2{font-size:1.15rem;margin:2.4rem 0 .8rem}
.result{font-size:1.15rem;margin:0;padding:.7rem 1rem;border-left:4px solid var(--mark);background:var(--panel)}
.note{color:var(--pale);margin:.6rem 0 0}
.charts{display:grid;grid-template-columns:repeat(auto-fit,minmax(min(100%,440px),1fr));gap:20px 28px}
figure{margin:0;min-width:0}figcaption{font-weight:600}
figure .curve{display:block;width:100%}
.scroll{overflow-x:auto}.scroll+.scroll{margin-top:1.4rem}
table{border-collapse:collapse;min-width:50%;font-variant-numeric:tabular-nums}
th,td{padding:.4rem .9rem .4rem 0;border-bottom:1px solid var(--rule);text-align:left;vertical-align:top}
th{color:var(--pale);font-weight:600}
th,td.short{white-space:nowrap}th.number,td.number{text-align:right;white-space:nowrap}
.sample{border-top:1px solid var(--rule);padding:.9rem 0}
.sample h3{font-size:1rem;margin:0 0 .5rem;overflow-wrap:anywhere}
.pair{display:grid;grid-template-columns:repeat(auto-fit,minmax(min(100%,320px),1fr));gap:12px 28px}
.pair h4{font-size:.85rem;color:var(--pale);margin:0 0 .2rem}
.said{margin:0;white-space:pre-wrap;overflow-wrap:anywhere;word-break:keep-all}
summary{cursor:pointer;margin:.8rem 0}
pre{margin:0;padding:1rem;background:var(--panel);overflow-x:auto;font:13px/1.5 ui-monospace,monospace}
@media (max-width:600px){body{font-size:15px}main{padding:20px 14px 40px}.curve{font-size:17px}th,td{padding-right:.6rem}table{font-size:14px}}
@media print{main{max-width:none}figure,.sample{break-inside:avoid}}
";

pub(super) fn page(metrics: &Metrics, timings: &Timings, input: &ReportInput) -> String {
    let language = if input.language.is_empty() {
        "en"
    } else {
        &input.language
    };
    let title = if input.title.is_empty() {
        "Training run"
    } else {
        &input.title
    };
    let (language, title) = (escape(language), escape(title));
    let body = [
        sections::result(input),
        sections::charts(&charts::charts(metrics, timings, &input.baselines)),
        sections::validations(&metrics.validations),
        sections::samples(input),
        sections::data(&input.data),
        sections::plan(input.plan.as_ref()),
        sections::environment(&input.environment),
        sections::recipe(input.resolved_recipe.as_deref()),
    ]
    .concat();
    format!(
        "<!doctype html>\n<html lang=\"{language}\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <meta http-equiv=\"Content-Security-Policy\" content=\"{POLICY}\">\n\
         <title>{title}</title>\n<style>\n{CURVE_STYLE}{STYLE}</style>\n</head>\n<body>\n<main>\n\
         <h1>{title}</h1>\n{body}</main>\n</body>\n</html>\n"
    )
}
