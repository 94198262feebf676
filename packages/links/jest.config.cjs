module.exports = { displayName: 'links', preset: '../../jest.preset.js', coverageDirectory: 'coverage' };
