/**
 * What runs in the page: draws the data that it holds with Chart.js, which stands before it. It is written for browsers as
 * it is, sets no markup, and needs no network.
 */
export const PageScript = `
'use strict';
(function () {
    var charts = [];
    var dark = window.matchMedia('(prefers-color-scheme: dark)');
    var data = JSON.parse(document.getElementById('data').textContent);
    function colour(name) {
        return getComputedStyle(document.documentElement).getPropertyValue(name).trim();
    }
    function dataset(series, index, count) {
        var paint = colour('--series-' + (index % 2));
        switch (series.kind) {
            case 'bars':
                return { type: 'bar', label: series.name, data: series.values, backgroundColor: paint, maxBarThickness: 36 };
            case 'ranges':
                return { type: 'bar', label: series.name, data: series.values, backgroundColor: paint, minBarLength: 3,
                    maxBarThickness: 36 };
            case 'points':
                return { type: 'line', label: series.name, data: series.values, showLine: false, pointRadius: 5,
                    pointStyle: 'rectRot', backgroundColor: colour('--text'), borderColor: colour('--text'), order: -1 };
            default:
                return { type: 'line', label: series.name, data: Array(count).fill(series.value), borderColor: paint,
                    backgroundColor: paint, borderDash: [6, 4], borderWidth: 2, pointRadius: count === 1 ? 3 : 0, order: -1 };
        }
    }
    function draw() {
        charts.splice(0).forEach(function (chart) { chart.destroy(); });
        Chart.defaults.color = colour('--text');
        Chart.defaults.borderColor = colour('--line');
        Chart.defaults.font.family = getComputedStyle(document.body).fontFamily;
        data.forEach(function (one) {
            charts.push(new Chart(document.getElementById(one.id), {
                data: {
                    labels: one.labels,
                    datasets: one.series.map(function (series, index) { return dataset(series, index, one.labels.length); })
                },
                options: {
                    animation: false,
                    maintainAspectRatio: false,
                    interaction: { mode: 'index', intersect: false },
                    plugins: { legend: { display: one.series.length > 1, position: 'bottom', labels: { usePointStyle: false, boxWidth: 12 } } },
                    scales: {
                        x: { grid: { display: false } },
                        y: { beginAtZero: true, title: { display: true, text: one.unit },
                            ticks: one.unit === 'jobs' ? { precision: 0 } : {} }
                    }
                }
            }));
        });
    }
    draw();
    dark.addEventListener('change', draw);
})();
`;
