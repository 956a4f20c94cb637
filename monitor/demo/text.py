"""Chinese articles out of a seed: always the same for one seed, and unlike each other.

All words have two characters, so that a run of four is nearly always a pair of words out of some
tens of thousands: two texts share a few in a hundred of their 4-grams, as two articles of one author do.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from random import Random

_WORDS = (
    "模型训练推理参数梯度优化框架算子内存显卡集群通信带宽延迟吞吐调度队列缓存索引分片副本日志监控告警部署容器镜像网络"
    "协议接口服务请求响应并发线程进程锁表事务隔离备份恢复迁移扩容压缩编码解码量化剪枝蒸馏微调预训注意序列词表向量检索"
    "排序召回特征样本标签损失精度指标评测实验对比基线论文作者方法结论假设证明数据清洗采样增强噪声分布均值方差概率统计"
    "回归分类聚类图谱知识问答对话语音图像视频文本摘要翻译生成控制规划决策奖励策略探索环境状态动作价值函数变量循环分支"
    "递归排列组合矩阵张量卷积池化残差归一激活门控记忆遗忘权重偏置稀疏稠密混合专家路由负载均衡故障容错重试超时限流熔断"
    "降级灰度发布回滚版本仓库提交合并冲突测试覆盖质量代码规范文档注释重构设计架构模块组件依赖插件配置环节流程团队项目"
    "产品用户需求场景业务成本收益效率经验总结问题原因方案步骤细节结果影响风险安全权限加密签名证书审计合规隐私边界趋势"
    "行业公司市场技术工程平台生态开源社区历史未来今天昨天去年春天城市道路河流山谷老师学生朋友故事旅行咖啡阳光雨水清晨"
    "黄昏时间空间速度距离温度压力能量材料芯片电路信号频率波长传感硬件软件系统内核驱动文件目录磁盘分区读写随机顺序批量"
)
WORDS = tuple(_WORDS[start : start + 2] for start in range(0, len(_WORDS), 2))
_CLOSINGS = "。。。。！？"


def random_of(*seed: object) -> Random:
    """A random source that depends on the given values only, in every process and on every machine."""
    return Random(hashlib.sha256("\x1f".join(map(str, seed)).encode()).digest())


def token(length: int, *seed: object) -> str:
    """``length`` letters and digits that depend on the seed only."""
    alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"
    return "".join(random_of("token", *seed).choices(alphabet, k=length))


def title(*seed: object) -> str:
    """A headline of ten characters."""
    return "".join(random_of("title", *seed).choices(WORDS, k=5))


def _sentence(random: Random) -> str:
    clauses = ("".join(random.choices(WORDS, k=random.randint(3, 7))) for _ in range(random.randint(1, 3)))
    return "，".join(clauses) + random.choice(_CLOSINGS)


def _sentences(seed: tuple[object, ...], count: int, edited: float) -> Iterator[str]:
    for number in range(count):
        is_new = random_of("edit", *seed, number).random() < edited
        yield _sentence(random_of("sentence", *seed, number, edited if is_new else ""))


def paragraphs(*seed: object, sentences: int = 80, edited: float = 0.0, cut: float = 0.0) -> list[str]:
    """An article of about ``sentences`` x 22 characters, in paragraphs of five sentences.

    ``edited``: the share of sentences that differ from the unedited text; ``cut``: the share missing at the end.
    """
    kept = max(1, round(sentences * (1 - cut)))
    written = list(_sentences(seed, sentences, edited))[:kept]
    return ["".join(written[start : start + 5]) for start in range(0, kept, 5)]
